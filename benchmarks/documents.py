"""Time, memory, pages and size of the list of signatories as PDF, by how many it names.

    .venv/bin/python benchmarks/documents.py [names]...

Renders as the worker does, in child processes, without a database: 630, 10,000 and 100,000 names by default. Processor
time is that of all children; memory the most that one of them took, and the worker's own.
"""

import random
import resource
import sys
import time
from datetime import UTC, datetime

from flask import Flask
from harness import print_json

from petition.core.i18n import babel
from petition.core.languages.collation import sort_key
from petition.exports.documents.names import split_people
from petition.exports.documents.rendering import Job, render_parts

SIZES = (630, 10_000, 100_000)
MOMENT = datetime(2026, 11, 27, tzinfo=UTC)
FIRST_NAMES = ("Adèle", "Ahmed", "Benoît", "Camille", "Élise", "Fatou", "Gaël", "Inès", "Karim", "Léa", "Olga", "Zoé")
LAST_NAMES = ("Barbier", "Cousin", "Fabre", "Konaté", "Lefèvre", "Martin", "Nguyen", "O’Connor", "Traoré", "Vidal")
ROLES = ("avocate", "éducateur spécialisé", "conseillère d’insertion et de probation", "enseignant", "retraitée")
COMMON = {
    "title": "Signataires", "summary": "", "sender": "Internet en prison", "language": "fr", "text_language": "fr",
    "kicker": "Lettre ouverte", "footer": "https://example.org/p/internet-en-prison", "count_lines": [], "revision": "",
    "labels": {
        "page": "page {page} sur {total}", "people": "Personnes", "people_continued": "Personnes (suite)", "nobody": "",
    },
}  # fmt: skip


def make_people(number: int) -> list[tuple[str, str | None]]:
    """Return people with distinct names, in alphabetical order."""
    chance = random.Random(1)
    people: list[tuple[str, str | None]] = []
    for _ in range(number):
        middle = "".join(chance.choices("abcdeilmnorstu", k=5)).title()
        people.append((f"{chance.choice(FIRST_NAMES)} {middle} {chance.choice(LAST_NAMES)}", chance.choice(ROLES)))
    return sorted(people, key=lambda one: sort_key(one[0]))


def measure(number: int) -> dict[str, float]:
    """Return what a list of so many names takes."""
    app = Flask("documents")
    babel.init_app(app)
    with app.app_context():
        parts = split_people(make_people(number))
    jobs = [
        Job("signatories", {**COMMON, "part": part, "groups": groups, "organisations": []})
        for part, groups in enumerate(parts)
    ]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    rendered = render_parts(jobs, MOMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "names": number, "parts": len(parts), "pages": rendered.pages, "kilobytes": len(rendered.content) // 1000,
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "child_megabytes": after.ru_maxrss // 1024,
        "own_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


if __name__ == "__main__":
    for size in map(int, sys.argv[1:]) if sys.argv[1:] else SIZES:
        print_json(measure(size))
