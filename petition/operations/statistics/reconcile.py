"""Nightly reconciliation: compare statistics with the rows they count, correct them, and report every difference.

Also enqueues the confirmation email of pending signatures that never had one.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db, set_statement_timeout
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import CONFIRMATIONS
from petition.operations.models import Drift
from petition.operations.probes.results import record_probe
from petition.operations.statistics import queries
from petition.petitions import queries as petition_queries

RECONCILIATION = "reconciliation"  # the name of its row in `probes`
ADVISORY_LOCK_ID = 7_226_104
BATCH_SIZE = 500  # confirmation emails enqueued in one transaction
STATEMENT_TIMEOUT_SECONDS = 300.0  # for statements that count millions of rows


def reconcile() -> list[Drift]:
    """Correct and record every statistic that differs from its rows; return the differences. Commits.

    Does nothing while another process reconciles. Differences are added to a statistic, never written over it, because
    signing goes on meanwhile.
    """
    started, drifts = time.monotonic(), []
    for step in (
        _correct_counters, _correct_hours, _correct_list_totals, _correct_state_counts, _correct_failure_groups,
    ):  # fmt: skip
        set_statement_timeout(db.session, STATEMENT_TIMEOUT_SECONDS)
        if not db.session.scalar(queries.TRY_LOCK, {"lock": ADVISORY_LOCK_ID}):
            db.session.rollback()
            return []
        drifts += _record_drifts(step)
    while missing := _record_drifts(_enqueue_missing_emails):
        drifts += missing
    summary = f"{len(drifts)} differences corrected" if drifts else "all statistics agree"
    record_probe(RECONCILIATION, not drifts, summary, round((time.monotonic() - started) * 1000))
    db.session.commit()
    return drifts


def list_recent_drifts(limit: int = 5) -> list[Drift]:
    """Return the last differences that reconciliation corrected, newest first."""
    return list(db.session.scalars(select(Drift).order_by(Drift.id.desc()).limit(limit)))


def _record_drifts(step: Callable[[], Iterator[Drift]]) -> list[Drift]:
    drifts = list(step())
    db.session.add_all(drifts)
    db.session.commit()
    return drifts


def _correct_counters() -> Iterator[Drift]:
    for row in db.session.execute(queries.WRONG_COUNTERS).all():
        changes = {"person": 0, "organisation": 0, "paper": 0} | {row.kind: int(row.expected - row.found)}
        db.session.execute(queries.CORRECT_COUNTER, changes | {"petition_id": row.petition_id})
        yield _make_drift(f"count of {row.kind}s", row, row.petition_id)


def _correct_hours() -> Iterator[Drift]:
    for row in db.session.execute(queries.WRONG_HOURS).all():
        parameters = {"petition_id": row.petition_id, "hour": row.hour, "change": int(row.expected - row.found)}
        db.session.execute(queries.CORRECT_HOUR, parameters)
        yield _make_drift(f"confirmed in {row.hour:%Y-%m-%d %H}", row, row.petition_id)


def _correct_list_totals() -> Iterator[Drift]:
    for row in db.session.execute(queries.WRONG_LIST_TOTALS).all():
        change = int(row.expected - row.found)
        db.session.execute(queries.CORRECT_LIST_TOTAL, {"petition_id": row.petition_id, "change": change})
        yield _make_drift("people in the public list", row, row.petition_id)


def _correct_state_counts() -> Iterator[Drift]:
    for row in db.session.execute(queries.WRONG_STATE_COUNTS).all():
        key = {"subject": row.subject, "queue": row.queue, "state": row.state}
        db.session.execute(queries.CORRECT_STATE_COUNT, key | {"change": int(row.expected - row.found)})
        yield _make_drift(" ".join(filter(None, key.values())), row)


def _correct_failure_groups() -> Iterator[Drift]:
    for row in db.session.execute(queries.WRONG_FAILURE_GROUPS).all():
        key = {"queue": row.queue, "state": row.state, "cause": row.cause, "domain": row.domain}
        db.session.execute(queries.CORRECT_FAILURE_GROUP, key | {"change": int(row.expected - row.found)})
        yield _make_drift(f"group {row.state} {row.cause}", row)


def _enqueue_missing_emails() -> Iterator[Drift]:
    """Enqueue a confirmation email for signatures without one: deleted by mistake, or signatures inserted by SQL."""
    now = clock.now()
    parameters = {
        "oldest": now - timedelta(days=current_app.config["CONFIRM_WITHIN"]),
        "newest": now - timedelta(minutes=1),
        "petitions": [petition.id for petition in petition_queries.list_all() if petition.people_can_confirm],
        "batch": BATCH_SIZE,
    }
    rows = db.session.execute(queries.MISSING_CONFIRMATION_EMAILS, parameters).all()
    enqueue("confirm_signature", CONFIRMATIONS, [OutboxEntry(*row) for row in rows])
    for row in rows:
        yield Drift(what="confirmation email missing", subject_id=row.id, found=0, expected=1)


def _make_drift(what: str, row: Any, subject_id: int | None = None) -> Drift:
    return Drift(what=what[:40], subject_id=subject_id, found=int(row.found), expected=int(row.expected))
