"""Bulk actions on deliveries: retry, discard or mark as sent exactly the deliveries that were shown."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from sqlalchemy import func, insert, select, update

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery import pauses
from petition.delivery.models import Attempt, Delivery, DeliveryState
from petition.delivery.requeue import requeue
from petition.operations.failures import DeliveryFilter

SUBJECT = "deliveries"


OPERATOR = "operator"  # `woken_by` of what an operator did, in `attempts`


class DeliveryVerb(StrEnum):
    """What an action does to its emails."""

    RETRY = "retry"
    DISCARD = "discard"
    MARK_SENT = "mark-sent"


class QueueNotPaused(ValidationError):
    """Due emails can be discarded or marked as sent only while their queue is paused: else a worker takes them."""

    def __init__(self) -> None:
        super().__init__({"state": "pause the queue first: only then can emails that are due be changed"})


def prepare(verb: str, which: DeliveryFilter, asked_by: str, only_ids: Sequence[int] = ()) -> BulkAction:
    """Store the set of deliveries that an action would change, and change none yet. Flushes, does not commit.

    `only_ids` restricts it to some deliveries. `mark-sent` takes deliveries whose outcome is unknown, or due ones.
    `retry` takes those whose outcome is unknown only where they are asked for, by state or id: whoever has such an
    email gets it twice. Raises `QueueNotPaused`, and `ValidationError` for an unknown verb, or when nothing matches.
    """
    conditions = which.conditions()
    if which.state == DeliveryState.DUE:
        if verb == DeliveryVerb.RETRY:
            raise ValidationError({"state": "emails that are due are sent without another try"})
        if not which.queue or not pauses.is_paused(which.queue):
            raise QueueNotPaused
    elif verb == DeliveryVerb.MARK_SENT:
        conditions.append(Delivery.state == DeliveryState.UNKNOWN)
    elif verb == DeliveryVerb.RETRY and not (which.state or only_ids):
        conditions.append(Delivery.state != DeliveryState.UNKNOWN)
    if only_ids:
        conditions.append(Delivery.id.in_(only_ids))
    stored_filter = which.to_dict() | ({"id": list(only_ids)} if only_ids else {})
    action = BulkAction(subject=SUBJECT, verb=verb, filter=stored_filter, asked_by=asked_by[:320])
    return runner.prepare(action, select(Delivery.id, Delivery.state).where(*conditions))


def includes_unknown(action: BulkAction) -> bool:
    """Return whether an action would send emails again whose outcome is unknown."""
    if action.verb != DeliveryVerb.RETRY:
        return False
    rows = select(BulkActionRow.subject_id).where(
        BulkActionRow.action_id == action.id, BulkActionRow.state == DeliveryState.UNKNOWN
    )
    return db.session.scalar(rows.limit(1)) is not None


def list_sample(action: BulkAction) -> list[Delivery]:
    """Return a few of the deliveries of an action."""
    query = select(Delivery).where(Delivery.id.in_(runner.list_sample_ids(action))).order_by(Delivery.id)
    return list(db.session.scalars(query))


def retry(action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Send again, with all attempts. The email is composed and the suppression list read when it is sent."""
    return _record_attempts(action, requeue(Delivery.id.in_(ids), Delivery.state == state), DeliveryState.DUE)


def discard(action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Cancel; these emails are never sent."""
    return _settle(action, ids, state, DeliveryState.CANCELLED, "discarded by an operator")


def mark_sent(action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Record as sent."""
    return _settle(action, ids, state, DeliveryState.SENT, "marked as sent by an operator")


def _record_attempts(action: BulkAction, ids: Sequence[int], state: DeliveryState) -> Sequence[int]:
    """Record who acted, for the timeline of each delivery; return the ids."""
    who = {"woken_by": OPERATOR, "worker": action.asked_by[:100], "ended_at": func.now(), "state": state}
    if ids:
        db.session.execute(insert(Attempt).values([{"delivery_id": delivery_id, **who} for delivery_id in ids]))
    return ids


def _settle(action: BulkAction, ids: Sequence[int], before: str, after: DeliveryState, reason: str) -> Sequence[int]:
    statement = (
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.state == before)
        .values(state=after, settled_at=func.now(), reason=reason)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return _record_attempts(action, list(db.session.scalars(statement)), after)
