"""What the desk's search costs, with 5,000 signatures and with 5 million.

    .venv/bin/python benchmarks/desk_search.py [--rows 5000000] [--json FILE]

Starts its own PostgreSQL (fsync on) in a temporary folder, fills it with a year of a campaign whose rare values are all
among its oldest signatures, where a walk from the newest ones comes to them last, and times whole searches. The
reference is the same searches with 5,000 rows, in the same run.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1]))

from config import Config
from petition.app import create_app
from petition.core import migrations
from petition.core.db import db
from petition.exports.signatures_export import SignaturesExport
from petition.local_stack.postgres import Postgres
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.search import SearchTimeout, search
from petition.signatures.staff.invalidate import prepare_bulk_invalidation

BATCH = 250_000
ROUNDS = 9
PETITIONS = text("""
    WITH made AS (
        INSERT INTO petitions (slug, kind, state, default_language, sender_name, asks, listing, accepts_organisations,
                               milestones)
        SELECT slug, 'petition', 'open', 'fr', 'Somebody', '{}', 'opt_in', true, '{}'
        FROM unnest(ARRAY['large', 'small']) AS slug
        RETURNING id, slug
    )
    INSERT INTO petition_texts (petition_id, language, title, summary, body, addressee)
    SELECT id, 'fr', slug, '', '', '' FROM made
""")
SIGNATURES = text("""
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, profession, locale, listed,
                            updates, source, generation, valid_from, created_at, requested_at, confirmed_at,
                            confirmed_no, network, city)
    SELECT CASE WHEN rare THEN 2 ELSE 1 END, 'person',
           CASE WHEN rare THEN 'invalidated' WHEN confirmed THEN 'confirmed' ELSE 'pending' END,
           CASE WHEN rare THEN 'Rara Avis' ELSE first || ' ' || last END,
           's' || i || '@' || domain, 's' || i || '@' || domain, CASE WHEN rare THEN 'Horloger' ELSE profession END,
           'fr', true, false, 'page', 1, 1, at, at, CASE WHEN confirmed THEN at + interval '1 h' END,
           CASE WHEN confirmed THEN i END,
           CASE WHEN i < 200 THEN repeat('a', 32) WHEN i > :rows * 11 / 12 THEN md5((i % 90000)::text) END,
           CASE WHEN rare THEN 'Nîmes' ELSE 'ville ' || i % 3000 END
    FROM (SELECT i, i % 10 < 7 AS confirmed, i < 1000 AND i % 10 = 3 AS rare,
                 now() - interval '365 days' + interval '365 days' * i / CAST(:rows AS bigint) AS at,
                 (ARRAY['Marie', 'Jean', 'Zoé', 'Léa', 'Ahmed', 'Anne', 'Paul', 'Inès'])[1 + (random() * 7)::int]
                 AS first,
                 'Nom' || floor(power(200000, random()))::int AS last,
                 'métier ' || floor(power(3000, random()))::int AS profession,
                 CASE WHEN i < 500 AND i % 20 = 1 THEN 'rare.example'
                      ELSE 'domain' || floor(power(3000, random()))::int || '.fr' END AS domain
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i) AS made
""")
SEARCHES: dict[str, dict[str, str]] = {
    "everything": {},
    "a rare name": {"name": "rara avis"},
    "a common surname": {"name": "nom7"},
    "a first name": {"name": "marie"},
    "a whole address": {"email": "s777@domain1.fr"},
    "the beginning of an address": {"email": "s1234"},
    "a rare profession": {"profession": "horlo"},
    "a common profession": {"profession": "métier 1"},
    "a rare town": {"city": "nim"},
    "a rare state": {"state": "invalidated"},
    "a common state": {"state": "pending"},
    "a rare domain": {"domain": "rare.example"},
    "a common domain": {"domain": "domain1.fr"},
    "a small petition": {"petition": "small"},
    "a network of long ago": {"network": "#1"},
    "a day of long ago": {"created_since": "{old}", "created_until": "{old}"},
    "a quarter of long ago": {"created_since": "{start}", "created_until": "{quarter}"},
    "a day's confirmations": {"confirmed_since": "{old}", "confirmed_until": "{old}"},
    "domain and state": {"domain": "domain40.fr", "state": "pending"},
    "first name and a day": {"name": "zoé", "created_since": "{old}", "created_until": "{old}"},
    "first name, rare state": {"name": "marie", "state": "invalidated"},
    "name, profession, domain": {"name": "nom1", "profession": "métier 2", "domain": "domain3.fr"},
}


def fill(rows: int) -> None:
    """Make a year of signatures."""
    db.session.execute(PETITIONS)
    for first in range(1, rows + 1, BATCH):
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        db.session.execute(SIGNATURES, {"rows": rows, "first": first, "last": min(first + BATCH - 1, rows)})
        db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE")


def sample_days() -> dict[str, str]:
    """Return days of long ago."""
    row = db.session.execute(
        text("""SELECT current_date - 364 AS start, current_date - 350 AS old, current_date - 275 AS quarter""")
    ).one()
    return {name: str(day) for name, day in row._mapping.items()}


def time_search(which: Filter) -> tuple[float, object]:
    """Return the milliseconds of a first page and of the page after it together, and how many were found."""
    began = time.perf_counter()
    try:
        page = search(which)
        if page.next:
            search(which, int(page.next))
        number: object = "many" if page.total is None else page.total
    except SearchTimeout:
        number = "refused"
    db.session.rollback()
    return (time.perf_counter() - began) * 1000, number


def measure(rows: int) -> dict[str, object]:
    """Time every search, an export and the preparation of a bulk action."""
    known, found = sample_days(), {}
    for name, typed in SEARCHES.items():
        which = parse_filter({field: value.format(**known) for field, value in typed.items()})
        first, number = time_search(which)
        times = [time_search(which)[0] for _ in range(ROUNDS)]
        found[name] = {"first": first, "median": median(times), "worst": max(times), "found": number}
    began, size = time.perf_counter(), 0
    for piece in SignaturesExport(
        Filter(state="confirmed"), ["id", "name", "profession", "city", "confirmed_at"], actor="bench"
    ):
        size += len(piece)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    run = prepare_bulk_invalidation(Filter(domain="domain1.fr"), "bench", "bench")
    prepared = time.perf_counter() - began
    db.session.rollback()
    return {
        "rows": rows, "searches": found, "export": f"{size / 1e6:.0f} MB in {seconds:.1f} s",
        "prepared": f"{run.total:,} written down in {prepared:.2f} s",
    }  # fmt: skip


def run(rows: int) -> dict[str, object]:
    """Fill a new database and measure it."""
    with tempfile.TemporaryDirectory(prefix="petition-bench-") as folder:
        Path(folder).chmod(0o755)
        engine = Postgres(Path(folder))
        settings = {
            "SECRET_KEY": "x" * 32, "DATABASE_URL": engine.start(), "REDIS_URL": "redis://127.0.0.1:1",
            "PUBLIC_URL": "http://localhost", "MAIL_DEFAULT_SENDER": "petition@example.org",
            "PETITION_LOG_LEVEL": "WARNING",
        }  # fmt: skip
        try:
            with create_app(Config({**os.environ, **settings})).app_context():
                migrations.upgrade()
                began = time.perf_counter()
                fill(rows)
                filled = time.perf_counter() - began
                found = {"fill_seconds": filled, **measure(rows)}
                db.engine.dispose()
                return found
        finally:
            engine.stop()


def main() -> None:
    """Print both sizes side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    small, large = results = [run(rows) for rows in (5_000, arguments.rows)]
    sizes = "".join(f"{result['rows']:>12,} rows" for result in results)
    print(f"{'milliseconds for two pages':32}{sizes}{'first':>10}{'worst':>10}  found")
    for name in SEARCHES:
        a, b = small["searches"][name], large["searches"][name]  # type: ignore[index]
        print(f"{name:32}{a['median']:>17.1f}{b['median']:>17.1f}{b['first']:>10.1f}{b['worst']:>10.1f}  {b['found']}")
    for result in results:
        print(f"{result['rows']:,} rows: filled in {result['fill_seconds']:.0f} s; export of the confirmed: "
              f"{result['export']}; a set: {result['prepared']}")  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
