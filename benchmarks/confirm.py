"""Confirming, all on one petition, against the same bare view as signing."""

import itertools
import os
from functools import partial
from pathlib import Path

from harness import FULL, compare_each, load, print_json, record_cpu, system
from sign import REFERENCES

from config import Config
from petition.app import create_app
from petition.core import tokens
from petition.signatures.fingerprint import FINGERPRINT_SQL, derive_salt
from petition.signatures.links import CONFIRM_TOKEN_PURPOSE

PEOPLE = 200_000 if FULL else 40_000
FINGERPRINTS_SQL = f"""
    SELECT s.id, {FINGERPRINT_SQL.replace(":salt", "given.salt")}
    FROM unnest(%s::bigint[], %s::text[]) AS given (id, salt) JOIN signatures s USING (id)
"""
runs = itertools.count(1)


def write_confirmation_links(it, prefix: str, people: int = PEOPLE) -> Path:
    """Make pending signatures whose link was mailed, and write a line for each POST, as the page's form sends it."""
    numbers = it.insert_signatures(people, "pending", prefix, link="sent")
    app, path = create_app(Config({**os.environ, **it.environ})), it.folder / prefix
    with app.app_context(), path.open("w") as file:
        shown = it.database.execute(FINGERPRINTS_SQL, (numbers, [derive_salt(number) for number in numbers]))
        file.writelines(
            f"/c/{tokens.make(CONFIRM_TOKEN_PURPOSE, number, 1)} lang=fr&seen={seen}\n" for number, seen in shown
        )
    return path


def measure() -> dict:
    """Return the confirmations per second."""
    used = 0

    def ours() -> dict:
        nonlocal used
        found = load(web, "lines", path, used, 303)
        used += found["requests"] + 100  # those that were on their way as the time was over
        return found

    with system() as it:
        it.database.execute("CREATE TABLE reference (id bigserial PRIMARY KEY, name text, email text)")
        path = write_confirmation_links(it, "c")
        web, bare = it.serve("web", "wsgi:app"), it.serve("bare", "reference:app")
        others = {name: partial(_insert, bare, other) for name, other in REFERENCES.items()}
        results = compare_each(ours, others)
        with record_cpu(it, results[""], web="web"):
            ours()
        query = "SELECT count(*) = (SELECT sum(people) FROM petition_counts) FROM signatures WHERE state = 'confirmed'"
        assert it.fetch_value(query), "the count is the rows"
    return {f"confirm{name}": result for name, result in results.items()}


def _insert(bare: str, path: str) -> dict:
    return load(bare, "sign", path, "form", next(runs), 202)


if __name__ == "__main__":
    print_json(measure())
