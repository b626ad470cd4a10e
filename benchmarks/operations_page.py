"""What the operators' view costs the database, with 5,000 deliveries and with 5 million.

    .venv/bin/python benchmarks/operations_page.py [--rows 5000000] [--json FILE]

Starts its own PostgreSQL (fsync on) in a temporary folder, fills it with two weeks of a campaign through the same
triggers as a live one, and times every statement of the page at the database's client. The reference is the same page
with 5,000 rows, in the same run.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import event, text

sys.path.insert(0, str(Path(__file__).parents[1]))

from config import Config
from petition.app import create_app
from petition.core import migrations
from petition.core.db import db
from petition.local_stack.postgres import Postgres
from petition.operations.statistics import rollup
from petition.operations.statistics.snapshot import get_last_day, get_recent_funnel, take_snapshot

BATCH = 250_000
ROUNDS = 20

# Domains by Zipf's law over 3,000 names; one in 50 failed, one in 100 put off, so that there is as much to show at any
# size; the newest are due.
SIGNATURES = text("""
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from, created_at, requested_at, confirmed_at, confirmed_no)
    SELECT 1, 'person', CASE WHEN confirmed THEN 'confirmed' ELSE 'pending' END, 'Signer n' || left(md5(i::text), 8),
           's' || i || '@' || domain, 's' || i || '@' || domain, 'fr', true, false, 'page', 1, 1, at, at,
           CASE WHEN confirmed THEN at + interval '4 min' END, CASE WHEN confirmed THEN i END
    FROM (SELECT i, i % 10 < 7 AS confirmed,
                 CAST(:start AS timestamptz) + (CAST(:period AS interval) * i / CAST(:rows AS bigint)) AS at,
                 'domain' || floor(power(3000, random()))::int || '.fr' AS domain
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i) AS made
""")
DELIVERIES = text("""
    INSERT INTO deliveries (kind, queue, petition_id, subject_id, generation, state, attempt, next_attempt_at,
                            smtp_code, reason, cause, domain, created_at, settled_at, tried_at)
    SELECT 'confirm_signature', 'confirmations', 1, id, 1, state, 1,
           CASE WHEN state = 'deferred' THEN now() + interval '1 h' ELSE created_at END,
           CASE state WHEN 'sent' THEN 250 WHEN 'failed' THEN 550 WHEN 'deferred' THEN 451 END, 'words of the server',
           CASE state WHEN 'failed' THEN '550 5.7.' || id % 7 WHEN 'deferred' THEN '451 4.7.1' ELSE '' END,
           split_part(email, '@', 2), created_at,
           CASE WHEN state IN ('sent', 'failed') THEN created_at + interval '1 s' * (0.3 + 2 * random()) END,
           created_at + interval '1 s'
    FROM (SELECT *, CASE WHEN id > :rows - :waiting THEN 'due' WHEN id % 50 = 0 THEN 'failed'
                         WHEN id % 100 = 1 THEN 'deferred' ELSE 'sent' END AS state
          FROM (SELECT id, email, created_at FROM signatures WHERE id BETWEEN :first AND :last) AS s) AS made
""")
PETITION = text("""
    WITH made AS (
        INSERT INTO petitions (slug, kind, state, default_language, sender_name, asks, listing, accepts_organisations,
                               milestones)
        VALUES ('growth', 'petition', 'open', 'fr', 'Somebody', '{}', 'opt_in', true, '{}')
        RETURNING id, slug
    )
    INSERT INTO petition_texts (petition_id, language, title, summary, body, addressee)
    SELECT id, 'fr', slug, '', '', '' FROM made
""")


def fill(rows: int) -> None:
    """Make a campaign of two weeks, its newest hundredth (at most 10,000) still waiting."""
    db.session.execute(PETITION)
    values = {"rows": rows, "period": timedelta(days=14), "waiting": min(rows // 100, 10_000)}
    values["start"] = db.session.scalar(text("SELECT now() - interval '14 days'"))
    for first in range(1, rows + 1, BATCH):
        batch = values | {"first": first, "last": min(first + BATCH - 1, rows)}
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        db.session.execute(SIGNATURES, batch)
        db.session.execute(DELIVERIES, batch)
        db.session.commit()
        while rollup.roll_up():
            pass
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE")


def page() -> None:
    """Read what the page reads."""
    now = take_snapshot()
    get_last_day(now.at)
    get_recent_funnel(now.at)
    db.session.rollback()


def measure() -> dict[str, object]:
    """Time the page's statements; milliseconds."""
    spent: dict[str, list[float]] = {}
    began: list[float] = []

    def before(*_: object) -> None:
        began.append(time.perf_counter())

    def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        name = " ".join(statement.split())[:70]
        spent.setdefault(name, []).append((time.perf_counter() - began.pop()) * 1000)

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "after_cursor_execute", after)
    totals = []
    for _ in range(ROUNDS):
        so_far = sum(map(sum, spent.values()))
        page()
        totals.append(sum(map(sum, spent.values())) - so_far)
    event.remove(db.engine, "before_cursor_execute", before)
    event.remove(db.engine, "after_cursor_execute", after)
    slowest = sorted(((median(times), name) for name, times in spent.items()), reverse=True)[:5]
    return {"median": median(totals), "worst": max(totals), "slowest": [f"{ms:.1f} {name}" for ms, name in slowest]}


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
                found = {"rows": rows, "fill_seconds": filled, **measure()}
                db.engine.dispose()
                return found
        finally:
            engine.stop()


def main() -> None:
    """Print both sizes, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = [run(rows) for rows in (5_000, arguments.rows)]
    for result in results:
        times = f"median {result['median']:.1f} ms, worst {result['worst']:.1f} ms of database time for one page"
        print(f"{result['rows']:>9,} rows: {times} (filled in {result['fill_seconds']:.0f} s)")
        for line in result["slowest"]:
            print(f"            {line}")
    print(f"ratio: {results[1]['median'] / results[0]['median']:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
