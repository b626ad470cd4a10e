"""The outbox: enqueue emails in the caller's transaction, and wake a worker after its commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from petition.core.db import db
from petition.core.logging import current_request_id
from petition.delivery.queries import ENQUEUE, SELECT_RECENT_EMAILS
from petition.delivery.queues import Queue
from petition.delivery.wakeup import wake_after_commit


@dataclass(frozen=True)
class OutboxEntry:
    """Whom an email is for, and the generation of the links that it carries."""

    petition_id: int
    subject_id: int
    generation: int


@dataclass(frozen=True)
class RecentEmails:
    """How many emails a subject had lately, when the last was enqueued or settled, and whether one still waits."""

    emails: int
    last_at: datetime | None
    has_waiting: bool


def enqueue(kind: str, queue: Queue, entries: Iterable[OutboxEntry], *, not_before: datetime | None = None) -> int:
    """Enqueue emails of one kind, each once per subject and generation, and return how many are new.

    Cancels emails of an earlier generation that still wait. Flushes, does not commit; the queue's worker is woken after
    the caller's commit. Runs the same statement for no entries, so that response time does not reveal there were none.
    """
    rows = list(entries)
    columns = {name: [getattr(row, name) for row in rows] for name in ("petition_id", "subject_id", "generation")}
    return len(db.session.execute(ENQUEUE, columns | prepare_enqueue(kind, queue, not_before)).all())


def prepare_enqueue(kind: str, queue: Queue, not_before: datetime | None = None) -> dict[str, Any]:
    """Wake the queue's worker after the caller's commit, and return the parameters of a statement that enqueues."""
    wake_after_commit(queue.name)
    return get_enqueue_parameters(kind, queue, not_before)


def get_enqueue_parameters(kind: str, queue: Queue, not_before: datetime | None = None) -> dict[str, Any]:
    """Return the parameters of an autocommitted statement that enqueues, after which its caller wakes the worker."""
    return {"kind": kind, "queue": queue.name, "request_id": current_request_id(), "not_before": not_before}


def get_recent_emails(subject_id: int, queues: Sequence[Queue], since: datetime) -> RecentEmails:
    """Return the emails of these queues that a subject had since a moment."""
    names = [queue.name for queue in queues]
    parameters = {"subject_id": subject_id, "queues": names, "since": since}
    return RecentEmails(**db.session.execute(SELECT_RECENT_EMAILS, parameters).one()._mapping)
