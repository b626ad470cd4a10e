"""Acts on many rows: fixed when first shown, then done in the background, batch by batch, stopped and gone on with.

A feature registers what a batch does (`@does("signatures", "invalidate")`); the rest is the same for all.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from sqlalchemy import delete, func, insert, literal, select, text, update

from petition.bulk_actions.models import BulkAction, BulkActionRow, BulkActionState
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import wake

BATCH_SIZE = 500  # rows touched by one transaction
MAX_TASK_SECONDS = 25.0  # seconds of work for one task
SAMPLE_SIZE = 10
DRAFT_TTL = "1 day"
TASK_NAME = "petition.bulk_actions.tasks.run_bulk_actions"

BatchHandler = Callable[[BulkAction, str, Sequence[int]], Collection[int]]


@dataclass(frozen=True)
class RegisteredHandler:
    """What a run of one kind does to a batch of rows in one state, and whether what it did is kept, to be undone."""

    handle: BatchHandler
    undoable: bool


def register_handler(app: Flask, subject: str, verb: str, handle: BatchHandler, *, undoable: bool = False) -> None:
    """Register what one batch of a bulk action does.

    The handler gets the action, a state, and the ids of rows that were in that state when the action was prepared. It
    changes those that still are, flushes, and returns their ids. `undoable`: the rows it changed are kept, so that
    another action can restore them.
    """
    _handlers(app)[subject, verb] = RegisteredHandler(handle, undoable)


def _handlers(app: Flask) -> dict[tuple[str, str], RegisteredHandler]:
    found: dict[tuple[str, str], RegisteredHandler] = app.extensions.setdefault("petition.bulk_actions", {})
    return found


def list_verbs(subject: str) -> list[str]:
    """Return what can be done to many rows of a kind."""
    return [verb for of, verb in _handlers(current_app) if of == subject]


def prepare(run: BulkAction, rows: Any, max_rows: int | None = None) -> BulkAction:
    """Fix the set that a run would touch, out of a `Select` of numbers and states, and touch none yet.

    Flushes, does not commit. Raises `Refusal` when there is nothing to act on, or more than `most` rows.
    """
    if (run.subject, run.verb) not in _handlers(current_app):
        raise ValidationError({"verb": f"no such action: {run.verb}; there are {', '.join(list_verbs(run.subject))}"})
    db.session.add(run)
    db.session.flush()
    number, state = rows.limit(max_rows and max_rows + 1).subquery().c
    fixed = db.session.execute(
        insert(BulkActionRow).from_select(["action_id", "subject_id", "state"], select(literal(run.id), number, state)),
        # Or SQLAlchemy does not ask how many rows an insert made.
        execution_options={"preserve_rowcount": True},
    )
    run.total = int(getattr(fixed, "rowcount", 0))
    if not run.total:
        raise ValidationError({"filter": "nothing is like that now: nothing to do"})
    if max_rows and run.total > max_rows:
        raise ValidationError({"filter": f"more than {max_rows:,} at once: narrow the filter, and act in parts"})
    db.session.flush()
    return run


def list_sample_ids(run: BulkAction) -> list[int]:
    """Return a few numbers of a run's set, the lowest that are left in it."""
    ids = select(BulkActionRow.subject_id).where(BulkActionRow.action_id == run.id).order_by(BulkActionRow.subject_id)
    return list(db.session.scalars(ids.limit(SAMPLE_SIZE)))


def find(subject: str, action_id: int, *, lock: bool = False) -> BulkAction:
    """Return a run on one kind of rows. Raises `Gone`."""
    found = None
    if 0 < action_id < 2**63:
        found = db.session.get(BulkAction, action_id, with_for_update=lock or None, populate_existing=lock)
    if found is None or found.subject != subject:
        raise NotFound({"action": "there is no such action any more: ask for it again"})
    return found


def start(run: BulkAction) -> bool:
    """Let the work begin, or go on after a stop; returns whether this call did it. Flushes, does not commit.

    What is being undone does not go on.
    """
    if run.state not in (BulkActionState.DRAFT, BulkActionState.STOPPED) or find_undo(run):
        return False
    run.state, run.started_at, run.ended_at = BulkActionState.RUNNING, run.started_at or clock.now(), None
    db.session.flush()
    return True


def stop(run: BulkAction) -> bool:
    """Stop after the batch in hand; what was done stays done. Returns whether this call did it. Flushes."""
    if run.state != BulkActionState.RUNNING:
        return False
    run.state, run.ended_at = BulkActionState.STOPPED, clock.now()
    db.session.flush()
    return True


def find_undo(run: BulkAction) -> BulkAction | None:
    """Return the run that began to undo this one, if any."""
    return db.session.scalar(
        select(BulkAction).where(BulkAction.undoes == run.id, BulkAction.state != BulkActionState.DRAFT).limit(1)
    )


def run_batches(action_id: int) -> Iterator[BulkAction]:
    """Do a running run batch by batch, each its own transaction, and yield it after each; two at once share it.

    Commits. Ends when it is done, or stopped by somebody else.
    """
    while True:
        run = db.session.get(BulkAction, action_id, with_for_update=True, populate_existing=True)
        if run is None or run.state != BulkActionState.RUNNING:
            db.session.commit()
            return
        if not _run_batch(run):
            run.state, run.ended_at = BulkActionState.DONE, clock.now()
        db.session.commit()
        yield run


def _run_batch(run: BulkAction) -> bool:
    ahead = select(BulkActionRow.subject_id, BulkActionRow.state).where(
        BulkActionRow.action_id == run.id, BulkActionRow.subject_id > run.position
    )
    rows = db.session.execute(ahead.order_by(BulkActionRow.subject_id).limit(BATCH_SIZE)).all()
    if not rows:
        return False
    kind, done = _handlers(current_app)[run.subject, run.verb], set[int]()
    for state in sorted({row.state for row in rows}):
        done |= set(kind.handle(run, state, [row.subject_id for row in rows if row.state == state]))
    _mark_rows(run, [row.subject_id for row in rows], done if kind.undoable else set())
    run.position = rows[-1].subject_id
    run.done += len(done)
    run.skipped += len(rows) - len(done)
    return True


def _mark_rows(run: BulkAction, taken: list[int], kept: set[int]) -> None:
    """Keep the rows that can be put back, and drop the others of a batch."""
    mine = BulkActionRow.action_id == run.id
    gone = [number for number in taken if number not in kept]
    silent = {"synchronize_session": False}
    if gone:
        db.session.execute(
            delete(BulkActionRow).where(mine, BulkActionRow.subject_id.in_(gone)).execution_options(**silent)
        )
    if kept:
        marked = update(BulkActionRow).where(mine, BulkActionRow.subject_id.in_(kept)).values(done_at=func.now())
        db.session.execute(marked.execution_options(**silent))


def run_all() -> None:
    """Go on with every running run for a while: the task's part of it. Commits."""
    ends = time.monotonic() + MAX_TASK_SECONDS
    for action_id in db.session.scalars(
        select(BulkAction.id).where(BulkAction.state == BulkActionState.RUNNING).order_by(BulkAction.id)
    ).all():
        for _ in run_batches(action_id):
            if time.monotonic() > ends:
                return


def delete_drafts() -> None:
    """Drop the sets that were shown and never started. Commits."""
    old = text(f"state = 'draft' AND created_at < now() - interval '{DRAFT_TTL}'")
    db.session.execute(delete(BulkAction).where(old).execution_options(synchronize_session=False))
    db.session.commit()


def list_recent(subject: str, limit: int = 10) -> list[BulkAction]:
    """Return the last runs that were started on one kind of rows, newest first."""
    query = (
        select(BulkAction)
        .where(BulkAction.state != BulkActionState.DRAFT, BulkAction.subject == subject)
        .order_by(BulkAction.id.desc())
    )
    return list(db.session.scalars(query.limit(limit)))


def wake_worker() -> bool:
    """Have the work begin at once. Returns whether the broker answered; where it is away, beat does it later."""
    return wake(MAINTENANCE, TASK_NAME, args=())
