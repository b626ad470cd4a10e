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


def enqueue(
    kind: str,
    queue: Queue,
    entries: Iterable[OutboxEntry],
    *,
    requested_at: datetime | None = None,
    request_id: str | None = None,
) -> int:
    """Enqueue emails of one kind, each once per subject and generation, and return how many are new.

    Cancels emails of an earlier generation that still wait. `requested_at` and `request_id`: of the request that caused
    them, if that is not the current one; latency is measured from there. Flushes, does not commit; the queue's worker
    is woken after the caller's commit.
    """
    rows = list(entries)
    parameters: dict[str, Any] = {
        name: [getattr(row, name) for row in rows] for name in ("petition_id", "subject_id", "generation")
    }
    parameters |= {
        "kind": kind,
        "queue": queue.name,
        "requested_at": requested_at,
        "request_id": request_id or current_request_id(),
    }
    wake_after_commit(queue.name)
    return len(db.session.execute(ENQUEUE, parameters).all())


def get_recent_emails(subject_id: int, queues: Sequence[Queue], since: datetime) -> RecentEmails:
    """Return the emails of these queues that a subject had since a moment."""
    names = [queue.name for queue in queues]
    parameters = {"subject_id": subject_id, "queues": names, "since": since}
    return RecentEmails(**db.session.execute(SELECT_RECENT_EMAILS, parameters).one()._mapping)
