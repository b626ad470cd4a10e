"""Every night: do the figures agree with the rows, and was every pending signer owed an email? If not, mend it."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import text

from petition.core import clock
from petition.core.db import db
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import CONFIRMATIONS
from petition.operations.models import Drift
from petition.operations.smtp_probe import record_probe
from petition.petitions import queries as petition_queries

RECONCILIATION = "reconciliation"
ADVISORY_LOCK_ID = 7_226_104
BATCH_SIZE = 500  # signers owed a link by one transaction
STATEMENT_TIMEOUT = "300s"  # of a statement that counts millions of rows

# Each compares in one statement, so that what happens meanwhile is on both sides or on neither.
COUNTS = text("""
    SELECT petition_id, kind, coalesce(c.n, 0) AS found, coalesce(s.n, 0) AS expected FROM
        (SELECT petition_id, 'person' AS kind, sum(people) AS n FROM petition_counts GROUP BY 1
         UNION ALL SELECT petition_id, 'organisation', sum(organisations) FROM petition_counts GROUP BY 1
         UNION ALL SELECT petition_id, 'paper', sum(paper) FROM petition_counts GROUP BY 1) AS c
    FULL JOIN (SELECT petition_id, party AS kind, count(*) AS n FROM signatures
               WHERE state = 'confirmed' GROUP BY 1, 2
               UNION ALL
               SELECT p.petition_id, 'paper', count(*) FROM paper_signatures p
               JOIN paper_imports i ON i.id = p.import_id WHERE i.state = 'done' GROUP BY 1) AS s
        USING (petition_id, kind)
    WHERE coalesce(c.n, 0) <> coalesce(s.n, 0)
""")
REPAIR_COUNT = text("""
    INSERT INTO petition_counts (petition_id, slot, people, organisations, paper)
    VALUES (:petition_id, 0, :person, :organisation, :paper)
    ON CONFLICT (petition_id, slot) DO UPDATE SET people = petition_counts.people + excluded.people,
        organisations = petition_counts.organisations + excluded.organisations,
        paper = petition_counts.paper + excluded.paper
""")
DEPTHS = text("""
    SELECT subject, queue, state, coalesce(d.n, 0) AS found, coalesce(r.n, 0) AS expected FROM
        (SELECT subject, queue, state, sum(n) AS n FROM (
            SELECT subject, queue, state, n FROM state_counts
            UNION ALL SELECT subject, queue, state, change FROM state_change_log) AS logged GROUP BY 1, 2, 3) AS d
    FULL JOIN (SELECT 'delivery' AS subject, queue, state, count(*) AS n FROM deliveries GROUP BY 2, 3
               UNION ALL SELECT 'signature', '', state, count(*) FROM signatures GROUP BY 3
               UNION ALL SELECT 'mailing', mailing_id::text, state, count(*) FROM deliveries
               WHERE mailing_id IS NOT NULL GROUP BY 2, 3) AS r
        USING (subject, queue, state)
    WHERE coalesce(d.n, 0) <> coalesce(r.n, 0)
""")
# By hour, so that the days and the total of a campaign are right; who signed has no other figures to agree with.
HOURS = text("""
    SELECT petition_id, hour, coalesce(h.n, 0) AS found, coalesce(s.n, 0) AS expected FROM
        (SELECT petition_id, hour, sum(counted) AS n FROM (
            SELECT petition_id, hour, counted FROM campaign_hours
            UNION ALL SELECT petition_id, hour, counted FROM campaign_log WHERE hour IS NOT NULL) AS logged
         GROUP BY 1, 2) AS h
    FULL JOIN (SELECT petition_id, date_trunc('hour', coalesce(confirmed_at, created_at), 'UTC') AS hour, count(*) AS n
               FROM signatures WHERE state = 'confirmed' GROUP BY 1, 2) AS s USING (petition_id, hour)
    WHERE coalesce(h.n, 0) <> coalesce(s.n, 0)
""")
REPAIR_HOUR = text("""
    INSERT INTO campaign_hours (petition_id, hour, submitted, counted) VALUES (:petition_id, :hour, 0, :change)
    ON CONFLICT (petition_id, hour) DO UPDATE SET counted = campaign_hours.counted + excluded.counted
""")
REPAIR_DEPTH = text("""
    INSERT INTO state_counts (subject, queue, state, n) VALUES (:subject, :queue, :state, :change)
    ON CONFLICT (subject, queue, state) DO UPDATE SET n = state_counts.n + excluded.n
""")
GROUPS = text("""
    SELECT queue, state, cause, domain, coalesce(g.n, 0) AS found, coalesce(r.n, 0) AS expected FROM
        (SELECT queue, state, cause, domain, sum(n) AS n FROM (
            SELECT queue, state, cause, domain, n FROM failure_groups
            UNION ALL SELECT queue, state, cause, domain, change FROM state_change_log
            WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')) AS logged
         GROUP BY 1, 2, 3, 4) AS g
    FULL JOIN (SELECT queue, state, cause, coalesce(domain, '') AS domain, count(*) AS n FROM deliveries
               WHERE state IN ('deferred', 'failed', 'unknown') GROUP BY 1, 2, 3, 4) AS r
        USING (queue, state, cause, domain)
    WHERE coalesce(g.n, 0) <> coalesce(r.n, 0)
""")
REPAIR_GROUP = text("""
    INSERT INTO failure_groups (queue, state, cause, domain, n) VALUES (:queue, :state, :cause, :domain, :change)
    ON CONFLICT (queue, state, cause, domain) DO UPDATE SET n = failure_groups.n + excluded.n
""")
MISSING_CONFIRMATION_EMAILS = text("""
    SELECT s.petition_id, s.id, s.generation FROM signatures s
    WHERE s.state = 'pending' AND s.requested_at BETWEEN :oldest AND :newest AND s.petition_id = ANY(:petitions)
      AND NOT EXISTS (SELECT FROM deliveries d
                      WHERE d.subject_id = s.id AND d.kind IN ('confirm_signature', 'reminder'))
    ORDER BY s.requested_at LIMIT :batch FOR UPDATE OF s SKIP LOCKED
""")


def reconcile() -> list[Drift]:
    """Compare, mend and record what differed; returns it. Nothing happens while another process is at it. Commits.

    Differences are added, never written over: signing goes on meanwhile.
    """
    began, found = time.monotonic(), []
    for step in (_repair_counts, _repair_hours, _repair_depths, _repair_groups):
        db.session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        if not db.session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK_ID}):
            db.session.rollback()
            return []
        found += _record_drifts(step)
    while owed := _record_drifts(_enqueue_missing_links):
        found += owed
    words = f"{len(found)} differences mended" if found else "all figures agree"
    record_probe(RECONCILIATION, not found, words, round((time.monotonic() - began) * 1000))
    db.session.commit()
    return found


def _record_drifts(step: Callable[[], Iterator[Drift]]) -> list[Drift]:
    drifts = list(step())
    db.session.add_all(drifts)
    db.session.commit()
    return drifts


def _repair_counts() -> Iterator[Drift]:
    for row in db.session.execute(COUNTS).all():
        values = {"person": 0, "organisation": 0, "paper": 0} | {row.kind: int(row.expected - row.found)}
        db.session.execute(REPAIR_COUNT, values | {"petition_id": row.petition_id})
        yield _make_drift(f"count of {row.kind}s", row, row.petition_id)


def _repair_hours() -> Iterator[Drift]:
    for row in db.session.execute(HOURS).all():
        values = {"petition_id": row.petition_id, "hour": row.hour, "change": int(row.expected - row.found)}
        db.session.execute(REPAIR_HOUR, values)
        yield _make_drift(f"confirmed in {row.hour:%Y-%m-%d %H}", row, row.petition_id)


def _repair_depths() -> Iterator[Drift]:
    for row in db.session.execute(DEPTHS).all():
        values = {"subject": row.subject, "queue": row.queue, "state": row.state}
        db.session.execute(REPAIR_DEPTH, values | {"change": int(row.expected - row.found)})
        yield _make_drift(" ".join(filter(None, (row.subject, row.queue, row.state))), row)


def _repair_groups() -> Iterator[Drift]:
    for row in db.session.execute(GROUPS).all():
        values = {"queue": row.queue, "state": row.state, "cause": row.cause, "domain": row.domain}
        db.session.execute(REPAIR_GROUP, values | {"change": int(row.expected - row.found)})
        yield _make_drift(f"group {row.state} {row.cause}", row)


def _enqueue_missing_links() -> Iterator[Drift]:
    """Owe a link to signers who were never owed one: a row that was lost, or put there by hand."""
    now = clock.now()
    values = {
        "oldest": now - timedelta(days=current_app.config["CONFIRM_WITHIN"]),
        "newest": now - timedelta(minutes=1),
        "petitions": [petition.id for petition in petition_queries.list_all() if petition.people_can_confirm],
        "batch": BATCH_SIZE,
    }
    rows = db.session.execute(MISSING_CONFIRMATION_EMAILS, values).all()
    enqueue("confirm_signature", CONFIRMATIONS, [OutboxEntry(*row) for row in rows])
    for row in rows:
        yield Drift(what="link never owed", subject_id=row.id, found=0, expected=1)


def _make_drift(what: str, row: Any, subject_id: int | None = None) -> Drift:
    return Drift(what=what[:40], subject_id=subject_id, found=int(row.found), expected=int(row.expected))
