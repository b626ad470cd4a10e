"""Retry, discard or mark as sent, for exactly the deliveries that were shown: prepare, start, work, stop."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, func, insert, literal, select, text, update

from petition.core import clock
from petition.core.db import after_commit, db
from petition.core.errors import Gone, Refusal
from petition.delivery.doorbell import ring
from petition.delivery.models import CANCELLED, DUE, SENT, UNKNOWN, Delivery
from petition.operations.failures import Filter
from petition.operations.models import DONE, DRAFT, RUNNING, STOPPED, GroupAction, GroupActionRow

VERBS = ("retry", "discard", "mark-sent")
BATCH = 500  # deliveries touched by one transaction
ROUND = 25.0  # seconds of work for one task
SAMPLE = 10
DRAFTS_KEPT = "1 day"


def prepare(verb: str, which: Filter, asked_by: str, only: int | None = None) -> GroupAction:
    """Fix the set of deliveries that an action would touch, and touch none yet. Flushes, does not commit.

    `only`: one delivery's id. Marking as sent is for those whose fate is unknown, and takes no others. Raises `Refusal`
    when there is nothing to act on.
    """
    if verb not in VERBS:
        raise Refusal({"verb": f"no such action: {verb}; there are {', '.join(VERBS)}"})
    action = GroupAction(verb=verb, filter=which.given() | ({"id": only} if only else {}), asked_by=asked_by)
    db.session.add(action)
    db.session.flush()
    conditions = which.conditions()
    if verb == "mark-sent":
        conditions.append(Delivery.state == UNKNOWN)
    if only is not None:
        conditions.append(Delivery.id == only)
    rows = select(literal(action.id), Delivery.id, Delivery.state).where(*conditions)
    fixed = db.session.execute(
        insert(GroupActionRow).from_select(["action_id", "delivery_id", "state"], rows),
        # Or SQLAlchemy does not ask how many rows an insert made.
        execution_options={"preserve_rowcount": True},
    )
    action.total = int(getattr(fixed, "rowcount", 0))
    if not action.total:
        raise Refusal({"filter": "no delivery is like that now: nothing to do"})
    db.session.flush()
    return action


def sample(action: GroupAction) -> list[Delivery]:
    """Return a few of the deliveries of an action's set."""
    ids = select(GroupActionRow.delivery_id).where(GroupActionRow.action_id == action.id)
    return list(db.session.scalars(select(Delivery).where(Delivery.id.in_(ids.order_by("delivery_id").limit(SAMPLE)))))


def find(action_id: int, *, lock: bool = False) -> GroupAction:
    """Return an action. Raises `Gone`."""
    found = db.session.get(GroupAction, action_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise Gone({"action": "there is no such action any more: ask for it again"})
    return found


def start(action: GroupAction) -> bool:
    """Let the work begin, or go on after a stop; returns whether this call did it. Flushes, does not commit."""
    if action.state not in (DRAFT, STOPPED):
        return False
    action.state, action.started_at, action.ended_at = RUNNING, action.started_at or clock.now(), None
    db.session.flush()
    return True


def stop(action: GroupAction) -> bool:
    """Stop after the batch in hand; what was done stays done. Returns whether this call did it. Flushes."""
    if action.state != RUNNING:
        return False
    action.state, action.ended_at = STOPPED, clock.now()
    db.session.flush()
    return True


def work(action_id: int) -> Iterator[GroupAction]:
    """Do a running action batch by batch, each its own transaction, and yield it after each; two at once share it.

    Commits. Ends when it is done, or stopped by somebody else.
    """
    while True:
        action = find(action_id, lock=True)
        if action.state != RUNNING:
            db.session.commit()
            return
        if not _batch(action):
            action.state, action.ended_at = DONE, clock.now()
        db.session.commit()
        yield action


def _batch(action: GroupAction) -> bool:
    taken = db.session.execute(
        delete(GroupActionRow)
        .where(
            GroupActionRow.action_id == action.id,
            GroupActionRow.delivery_id.in_(
                select(GroupActionRow.delivery_id)
                .where(GroupActionRow.action_id == action.id)
                .order_by(GroupActionRow.delivery_id)
                .limit(BATCH)
                .scalar_subquery()
            ),
        )
        .returning(GroupActionRow.delivery_id, GroupActionRow.state)
        .execution_options(synchronize_session=False)
    ).all()
    if not taken:
        return False
    touched = 0
    for state in {row.state for row in taken}:
        touched += _change(action.verb, [row.delivery_id for row in taken if row.state == state], state)
    action.done += touched
    action.skipped += len(taken) - touched
    return True


def _change(verb: str, ids: list[int], state: str) -> int:
    """Change those of the deliveries that are still as they were when the set was fixed."""
    changes: dict[str, dict[str, Any]] = {
        # What happened before was not for nothing, but a mended cause deserves all its attempts.
        "retry": {"state": DUE, "attempt": 0, "next_attempt_at": func.now(), "settled_at": None, "cause": ""},
        "discard": {"state": CANCELLED, "settled_at": func.now(), "reason": "discarded by an operator"},
        "mark-sent": {"state": SENT, "settled_at": func.now(), "reason": "marked as sent by an operator"},
    }
    lanes = db.session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.state == state)
        .values(**changes[verb])
        .returning(Delivery.lane)
        .execution_options(synchronize_session=False)
    ).all()
    if verb == "retry":
        for lane in set(lanes):
            after_commit(("ring", lane), partial(ring, lane))
    return len(lanes)


def work_on_all() -> None:
    """Go on with every running action for a while: the tasks' part of it. Commits."""
    ends = time.monotonic() + ROUND
    running = select(GroupAction.id).where(GroupAction.state == RUNNING).order_by(GroupAction.id)
    for action_id in db.session.scalars(running).all():
        for _ in work(action_id):
            if time.monotonic() > ends:
                return


def forget_drafts() -> None:
    """Drop the sets that were shown and never started. Commits."""
    old = text(f"state = 'draft' AND created_at < now() - interval '{DRAFTS_KEPT}'")
    db.session.execute(delete(GroupAction).where(old).execution_options(synchronize_session=False))
    db.session.commit()


def latest(limit: int = 10) -> list[GroupAction]:
    """Return the last actions that were started, newest first."""
    query: Select[Any] = select(GroupAction).where(GroupAction.state != DRAFT).order_by(GroupAction.id.desc())
    return list(db.session.scalars(query.limit(limit)))
