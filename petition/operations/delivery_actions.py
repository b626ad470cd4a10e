"""Retry, discard or mark as sent, for exactly the deliveries that were shown: runs of the team, on deliveries."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select, update

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.wakeup import wake_after_commit
from petition.operations.failures import DeliveryFilter

SUBJECT = "deliveries"


def prepare(verb: str, which: DeliveryFilter, asked_by: str, only: int | None = None) -> BulkAction:
    """Fix the set of deliveries that an action would touch, and touch none yet. Flushes, does not commit.

    `only`: one delivery's id. Marking as sent is for those whose fate is unknown, and takes no others. Raises `Refusal`
    when there is nothing to act on.
    """
    conditions = which.conditions()
    if verb == "mark-sent":
        conditions.append(Delivery.state == DeliveryState.UNKNOWN)
    if only is not None:
        conditions.append(Delivery.id == only)
    action = BulkAction(
        subject=SUBJECT, verb=verb, filter=which.to_dict() | ({"id": only} if only else {}), asked_by=asked_by[:320]
    )
    return runner.prepare(action, select(Delivery.id, Delivery.state).where(*conditions))


def list_sample(action: BulkAction) -> list[Delivery]:
    """Return a few of the deliveries of an action's set."""
    found = select(Delivery).where(Delivery.id.in_(runner.list_sample_ids(action))).order_by(Delivery.id)
    return list(db.session.scalars(found))


def _update_deliveries(ids: Sequence[int], before: str, **values: Any) -> list[Any]:
    return list(
        db.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(ids), Delivery.state == before)
            .values(**values)
            .returning(Delivery.id, Delivery.queue)
            .execution_options(synchronize_session=False)
        ).all()
    )


def retry(_run: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Send again; what happened before was not for nothing, but a mended cause deserves all its attempts."""
    again = {"attempt": 0, "next_attempt_at": func.now(), "settled_at": None, "cause": ""}
    rows = _update_deliveries(ids, state, state=DeliveryState.DUE, **again)
    for queue in {row.queue for row in rows}:
        wake_after_commit(queue)
    return [row.id for row in rows]


def discard(_run: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Give up."""
    changed = _update_deliveries(
        ids, state, state=DeliveryState.CANCELLED, settled_at=func.now(), reason="discarded by an operator"
    )
    return [row.id for row in changed]


def mark_sent(_run: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Take for sent."""
    changed = _update_deliveries(
        ids, state, state=DeliveryState.SENT, settled_at=func.now(), reason="marked as sent by an operator"
    )
    return [row.id for row in changed]
