"""Retry, discard or mark as sent, for exactly the deliveries that were shown: runs of the team, on deliveries."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select, update

from petition.core.db import after_commit, db
from petition.delivery.doorbell import ring
from petition.delivery.models import CANCELLED, DUE, SENT, UNKNOWN, Delivery
from petition.operations.failures import Filter
from petition.team import runs
from petition.team.models import Run

SUBJECT = "deliveries"


def prepare(verb: str, which: Filter, asked_by: str, only: int | None = None) -> Run:
    """Fix the set of deliveries that an action would touch, and touch none yet. Flushes, does not commit.

    `only`: one delivery's id. Marking as sent is for those whose fate is unknown, and takes no others. Raises `Refusal`
    when there is nothing to act on.
    """
    conditions = which.conditions()
    if verb == "mark-sent":
        conditions.append(Delivery.state == UNKNOWN)
    if only is not None:
        conditions.append(Delivery.id == only)
    action = Run(
        subject=SUBJECT, verb=verb, filter=which.given() | ({"id": only} if only else {}), asked_by=asked_by[:320]
    )
    return runs.prepare(action, select(Delivery.id, Delivery.state).where(*conditions))


def sample(action: Run) -> list[Delivery]:
    """Return a few of the deliveries of an action's set."""
    found = select(Delivery).where(Delivery.id.in_(runs.sample(action))).order_by(Delivery.id)
    return list(db.session.scalars(found))


def _change(ids: Sequence[int], before: str, **values: Any) -> list[Any]:
    return list(
        db.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(ids), Delivery.state == before)
            .values(**values)
            .returning(Delivery.id, Delivery.lane)
            .execution_options(synchronize_session=False)
        ).all()
    )


@runs.does(SUBJECT, "retry")
def retry(_run: Run, state: str, ids: Sequence[int]) -> Collection[int]:
    """Send again; what happened before was not for nothing, but a mended cause deserves all its attempts."""
    again = {"attempt": 0, "next_attempt_at": func.now(), "settled_at": None, "cause": ""}
    rows = _change(ids, state, state=DUE, **again)
    for lane in {row.lane for row in rows}:
        after_commit(("ring", lane), partial(ring, lane))
    return [row.id for row in rows]


@runs.does(SUBJECT, "discard")
def discard(_run: Run, state: str, ids: Sequence[int]) -> Collection[int]:
    """Give up."""
    changed = _change(ids, state, state=CANCELLED, settled_at=func.now(), reason="discarded by an operator")
    return [row.id for row in changed]


@runs.does(SUBJECT, "mark-sent")
def mark_sent(_run: Run, state: str, ids: Sequence[int]) -> Collection[int]:
    """Take for sent."""
    changed = _change(ids, state, state=SENT, settled_at=func.now(), reason="marked as sent by an operator")
    return [row.id for row in changed]
