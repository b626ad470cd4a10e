"""Bulk actions on deliveries: retry, discard or mark as sent exactly the deliveries that were shown."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select, update

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.requeue import requeue
from petition.operations.failures import DeliveryFilter

SUBJECT = "deliveries"


def prepare(verb: str, which: DeliveryFilter, asked_by: str, only_id: int | None = None) -> BulkAction:
    """Store the set of deliveries that an action would change, and change none yet. Flushes, does not commit.

    `only_id` restricts it to one delivery. `mark-sent` takes deliveries whose outcome is unknown, and no others. Raises
    `ValidationError` for an unknown verb, or when no delivery matches.
    """
    conditions = which.conditions()
    if verb == "mark-sent":
        conditions.append(Delivery.state == DeliveryState.UNKNOWN)
    if only_id is not None:
        conditions.append(Delivery.id == only_id)
    stored_filter = which.to_dict() | ({"id": only_id} if only_id else {})
    action = BulkAction(subject=SUBJECT, verb=verb, filter=stored_filter, asked_by=asked_by[:320])
    return runner.prepare(action, select(Delivery.id, Delivery.state).where(*conditions))


def list_sample(action: BulkAction) -> list[Delivery]:
    """Return a few of the deliveries of an action."""
    query = select(Delivery).where(Delivery.id.in_(runner.list_sample_ids(action))).order_by(Delivery.id)
    return list(db.session.scalars(query))


def retry(_action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Send again, with all attempts. The email is composed and the suppression list read when it is sent."""
    return requeue(Delivery.id.in_(ids), Delivery.state == state)


def discard(_action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Cancel; these emails are never sent."""
    return _settle(ids, state, DeliveryState.CANCELLED, "discarded by an operator")


def mark_sent(_action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Record as sent."""
    return _settle(ids, state, DeliveryState.SENT, "marked as sent by an operator")


def _settle(ids: Sequence[int], before: str, after: DeliveryState, reason: str) -> list[Any]:
    statement = (
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.state == before)
        .values(state=after, settled_at=func.now(), reason=reason)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return list(db.session.scalars(statement))
