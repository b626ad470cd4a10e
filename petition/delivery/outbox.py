"""Owe an email: a row, in the transaction of what caused it, and a ring once that is durable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import text

from petition.core.db import db, run_after_commit
from petition.core.logging import current_request_id
from petition.delivery.queues import Queue
from petition.delivery.wakeup import wake

# Of the rows `owed` (petition, subject, generation) that stand before it; the rest is `terms`.
INSERT_DELIVERIES = """
    INSERT INTO deliveries (kind, queue, state, attempt, request_id, next_attempt_at,
                            petition_id, subject_id, generation)
    SELECT CAST(:kind AS text), CAST(:queue AS text), 'due', 0, CAST(:request_id AS text),
           coalesce(CAST(:not_before AS timestamptz), now()), owed.*
    FROM owed
    ON CONFLICT (kind, subject_id, generation) DO NOTHING
    RETURNING id
"""
ENQUEUE = text(f"""
    WITH owed AS (
        SELECT * FROM unnest(
            CAST(:petition_id AS bigint[]), CAST(:subject_id AS bigint[]), CAST(:generation AS bigint[]))
        AS o (petition_id, subject_id, generation)),
    overtaken AS (
        UPDATE deliveries AS d SET state = 'cancelled', settled_at = now(), reason = 'a later one takes its place'
        FROM owed AS o WHERE d.subject_id = o.subject_id AND d.kind = :kind AND d.generation < o.generation
            AND d.state IN ('due', 'deferred'))
    {INSERT_DELIVERIES}
""")  # noqa: S608 - constants

COUNT_RECENT = text("""
    SELECT count(*) AS emails, max(coalesce(settled_at, created_at)) AS last_at,
           coalesce(bool_or(state IN ('due', 'deferred', 'sending')), false) AS has_waiting
    FROM deliveries WHERE subject_id = :subject_id AND queue = ANY(:queues) AND created_at >= :since
""")


@dataclass(frozen=True)
class OutboxEntry:
    """Whom an email is owed to, and which of its links it carries."""

    petition_id: int
    subject_id: int
    generation: int


@dataclass(frozen=True)
class RecentEmails:
    """How many emails somebody was owed lately, when the last was owed or settled, and whether one still waits."""

    emails: int
    last_at: datetime | None
    has_waiting: bool


def enqueue(kind: str, queue: Queue, owed: Iterable[OutboxEntry], *, not_before: datetime | None = None) -> int:
    """Owe emails of one kind, each once per subject and generation, in one statement.

    One that waits already gives way to the one that is newer: when mail flows again, nobody gets two. Flushes, does not
    commit; the queue is rung after the caller's commit. Returns how many rows are new. Does the same when nobody is owed
    anything: how long it takes tells nothing.
    """
    rows = list(owed)
    columns = {name: [getattr(row, name) for row in rows] for name in ("petition_id", "subject_id", "generation")}
    return len(db.session.execute(ENQUEUE, columns | prepare_enqueue(kind, queue, not_before)).all())


def prepare_enqueue(kind: str, queue: Queue, not_before: datetime | None = None) -> dict[str, Any]:
    """Return the values that INSERT takes, for who owes emails within a statement of their own; its queue is rung."""
    run_after_commit(("ring", queue.name), partial(wake, queue.name))
    return get_enqueue_parameters(kind, queue, not_before)


def get_enqueue_parameters(kind: str, queue: Queue, not_before: datetime | None = None) -> dict[str, Any]:
    """Return the same for a statement that is a transaction of its own, after which the caller rings the queue."""
    return {"kind": kind, "queue": queue.name, "request_id": current_request_id(), "not_before": not_before}


def get_recent_emails(subject_id: int, queues: Sequence[Queue], since: datetime) -> RecentEmails:
    """Return what emails a subject was owed in these queues since a moment."""
    names = [queue.name for queue in queues]
    row = db.session.execute(COUNT_RECENT, {"subject_id": subject_id, "queues": names, "since": since}).one()
    return RecentEmails(**row._mapping)
