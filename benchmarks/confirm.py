"""Confirming, all on one petition, against the same bare view as signing."""

import itertools
import os
from functools import partial
from pathlib import Path

from harness import FULL, compare_each, load, print_json, record_cpu, system
from psycopg.rows import namedtuple_row
from sign import REFERENCES

from config import Config
from petition.app import create_app
from petition.core import tokens
from petition.signatures.fingerprint import FINGERPRINT_FIELDS, compute_fingerprint
from petition.signatures.links import CONFIRM_TOKEN_PURPOSE

PEOPLE = 200_000 if FULL else 40_000
# Nobody's name is withheld here: `own_name` is the name, and `shown` whether it is listed.
COLUMNS = {"own_name": "name AS own_name", "shown": "listed AS shown"}
DETAILS_SQL = f"""
    SELECT id, {", ".join(COLUMNS.get(field, field) for field in FINGERPRINT_FIELDS)}
    FROM signatures WHERE id = ANY(%s)
"""
runs = itertools.count(1)


def write_confirmation_links(it, prefix: str, people: int = PEOPLE) -> Path:
    """Make pending signatures whose link was mailed, and write a line for each POST, as the page's form sends it."""
    numbers = it.insert_signatures(people, "pending", prefix, link="sent")
    app, path = create_app(Config({**os.environ, **it.environ})), it.folder / prefix
    with app.app_context(), path.open("w") as file:
        rows = it.database.cursor(row_factory=namedtuple_row).execute(DETAILS_SQL, (numbers,))
        file.writelines(
            f"/c/{tokens.make(CONFIRM_TOKEN_PURPOSE, row.id, 1)} lang=fr&seen={compute_fingerprint(row)}\n"
            for row in rows
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
