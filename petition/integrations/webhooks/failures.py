"""Events that were given up: list, count, send again, discard. Functions flush and do not commit."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from petition.core.db import db, run_after_commit
from petition.delivery.queues import WEBHOOKS
from petition.integrations import queries
from petition.integrations.webhooks.endpoints import SUBJECT
from petition.integrations.webhooks.events import wake_sender
from petition.team import audit

MAX_LISTED = 200
MAX_COUNTED = 1000


def list_failed() -> Sequence[Row[Any]]:
    """Return the newest events that were given up."""
    return db.session.execute(queries.SELECT_FAILED, {"limit": MAX_LISTED}).all()


def count_failed() -> int:
    """Return how many events were given up, `MAX_COUNTED` at most."""
    return int(db.session.scalar(queries.COUNT_FAILED, {"limit": MAX_COUNTED}) or 0)


def replay(event_id: int | None = None) -> int:
    """Have an event that was given up sent again, or all; return how many."""
    replayed = len(db.session.execute(queries.REPLAY_EVENTS, {"id": event_id}).all())
    if replayed:
        audit.record("webhook.replayed", SUBJECT, event_id, after={"events": replayed})
        run_after_commit(("wake", WEBHOOKS), wake_sender)
    return replayed


def discard(event_id: int | None = None) -> int:
    """Give up for good an event, or all that were given up; return how many."""
    discarded = len(db.session.execute(queries.DISCARD_EVENTS, {"id": event_id}).all())
    if discarded:
        audit.record("webhook.discarded", SUBJECT, event_id, after={"events": discarded})
    return discarded
