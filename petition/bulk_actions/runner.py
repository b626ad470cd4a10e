"""Prepare, start, run and stop bulk actions: the set is fixed at the preview and processed batch by batch.

A feature registers the handler of each of its actions with `register_handler`; everything else is shared.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import Select, delete, func, insert, literal, select, update

from petition.bulk_actions.models import BulkAction, BulkActionRow, BulkActionState
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.ids import find_by_id
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import wake

BATCH_SIZE = 500  # rows of one transaction
MAX_TASK_SECONDS = 25.0
SAMPLE_SIZE = 10  # rows shown in a preview
DRAFT_TTL = timedelta(days=1)
TASK_NAME = "petition.bulk_actions.tasks.run_bulk_actions"

BatchHandler = Callable[[BulkAction, str, Sequence[int]], Collection[int]]


class NoMatchingRows(ValidationError):
    """A bulk action that would change no row."""

    def __init__(self) -> None:
        super().__init__({"filter": "nothing matches: nothing to do"})


class TooManyRows(ValidationError):
    """A bulk action on more rows than are allowed at once."""

    def __init__(self, max_rows: int) -> None:
        super().__init__({"filter": f"more than {max_rows:,} at once: narrow the filter, and act in parts"})
        self.max_rows = max_rows


@dataclass(frozen=True)
class RegisteredHandler:
    """The handler of one kind of action. `undoable`: the rows that it changed are kept, so that it can be undone."""

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
    handlers: dict[tuple[str, str], RegisteredHandler] = app.extensions.setdefault("petition.bulk_actions", {})
    return handlers


def list_verbs(subject: str) -> list[str]:
    """Return the names of the actions on one kind of rows."""
    return [verb for registered_subject, verb in _handlers(current_app) if registered_subject == subject]


def prepare(bulk_action: BulkAction, query: Select[int, str], max_rows: int | None = None) -> BulkAction:
    """Fix the set of rows of an action, from a query of ids and states, and change none of them yet.

    Flushes, does not commit. Raises `ValidationError` for an unknown action, `NoMatchingRows`, or `TooManyRows` for
    more than `max_rows`.
    """
    if (bulk_action.subject, bulk_action.verb) not in _handlers(current_app):
        verbs = ", ".join(list_verbs(bulk_action.subject))
        raise ValidationError({"verb": f"no such action: {bulk_action.verb}; there are {verbs}"})
    db.session.add(bulk_action)
    db.session.flush()
    row_id, state = query.limit(max_rows and max_rows + 1).subquery().c
    inserted = db.session.execute(
        insert(BulkActionRow).from_select(
            ["action_id", "subject_id", "state"], select(literal(bulk_action.id), row_id, state)
        ),
        # Without it SQLAlchemy does not ask how many rows an insert made.
        execution_options={"preserve_rowcount": True},
    )
    bulk_action.total = int(getattr(inserted, "rowcount", 0))
    if not bulk_action.total:
        raise NoMatchingRows
    if max_rows and bulk_action.total > max_rows:
        raise TooManyRows(max_rows)
    db.session.flush()
    return bulk_action


def list_sample_ids(bulk_action: BulkAction) -> list[int]:
    """Return a few ids of an action's set: the lowest of those that are still in it."""
    query = select(BulkActionRow.subject_id).where(BulkActionRow.action_id == bulk_action.id)
    return list(db.session.scalars(query.order_by(BulkActionRow.subject_id).limit(SAMPLE_SIZE)))


def find(subject: str, action_id: int, *, lock: bool = False) -> BulkAction:
    """Return an action on one kind of rows. Raises `NotFound`."""
    bulk_action = find_by_id(BulkAction, action_id, with_for_update=lock or None, populate_existing=lock)
    if bulk_action is None or bulk_action.subject != subject:
        raise NotFound({"action": "there is no such action any more: prepare it again"})
    return bulk_action


def start(bulk_action: BulkAction) -> bool:
    """Start an action, or resume it after a stop. Returns whether this call did it. Flushes, does not commit.

    An action that is being undone cannot be resumed.
    """
    if bulk_action.state not in (BulkActionState.DRAFT, BulkActionState.STOPPED) or find_undo(bulk_action):
        return False
    bulk_action.state, bulk_action.ended_at = BulkActionState.RUNNING, None
    bulk_action.started_at = bulk_action.started_at or clock.now()
    db.session.flush()
    return True


def stop(bulk_action: BulkAction) -> bool:
    """Stop an action after its current batch; what was done stays done. Returns whether this call did it. Flushes."""
    if bulk_action.state != BulkActionState.RUNNING:
        return False
    bulk_action.state, bulk_action.ended_at = BulkActionState.STOPPED, clock.now()
    db.session.flush()
    return True


def find_undo(bulk_action: BulkAction) -> BulkAction | None:
    """Return the action that was started to undo this one, if any."""
    query = select(BulkAction).where(BulkAction.undoes == bulk_action.id, BulkAction.state != BulkActionState.DRAFT)
    return db.session.scalar(query.limit(1))


def run_batches(action_id: int) -> Iterator[BulkAction]:
    """Run a started action batch by batch, each in its own transaction, and yield it after each batch.

    Commits. Ends when the action is done, or was stopped by somebody else. Several workers share one action: each
    batch begins by locking its row.
    """
    while True:
        bulk_action = db.session.get(BulkAction, action_id, with_for_update=True, populate_existing=True)
        if bulk_action is None or bulk_action.state != BulkActionState.RUNNING:
            db.session.commit()
            return
        if not _run_batch(bulk_action):
            bulk_action.state, bulk_action.ended_at = BulkActionState.DONE, clock.now()
        db.session.commit()
        yield bulk_action


def _run_batch(bulk_action: BulkAction) -> bool:
    query = select(BulkActionRow.subject_id, BulkActionRow.state).where(
        BulkActionRow.action_id == bulk_action.id, BulkActionRow.subject_id > bulk_action.position
    )
    rows = db.session.execute(query.order_by(BulkActionRow.subject_id).limit(BATCH_SIZE)).all()
    if not rows:
        return False
    handler, changed = _handlers(current_app)[bulk_action.subject, bulk_action.verb], set[int]()
    for state in sorted({row.state for row in rows}):
        changed |= set(handler.handle(bulk_action, state, [row.subject_id for row in rows if row.state == state]))
    ids = [row.subject_id for row in rows]
    _mark_rows(bulk_action, ids, changed if handler.undoable else set())
    bulk_action.position = ids[-1]
    bulk_action.done += len(changed)
    bulk_action.skipped += len(ids) - len(changed)
    return True


def _mark_rows(bulk_action: BulkAction, ids: list[int], restorable: set[int]) -> None:
    """Mark the rows of a batch that an undo can restore as done, and delete the others."""
    in_action, others = (
        BulkActionRow.action_id == bulk_action.id,
        [row_id for row_id in ids if row_id not in restorable],
    )
    options = {"synchronize_session": False}
    if others:
        rows = delete(BulkActionRow).where(in_action, BulkActionRow.subject_id.in_(others))
        db.session.execute(rows.execution_options(**options))
    if restorable:
        marked = update(BulkActionRow).where(in_action, BulkActionRow.subject_id.in_(restorable))
        db.session.execute(marked.values(done_at=func.now()).execution_options(**options))


def run_all() -> None:
    """Run batches of all started actions, for `MAX_TASK_SECONDS` at most. Commits."""
    deadline = time.monotonic() + MAX_TASK_SECONDS
    running = select(BulkAction.id).where(BulkAction.state == BulkActionState.RUNNING).order_by(BulkAction.id)
    for action_id in db.session.scalars(running).all():
        for _ in run_batches(action_id):
            if time.monotonic() > deadline:
                return


def delete_drafts() -> None:
    """Delete the actions that were prepared over a day ago and never started. Commits."""
    old = (BulkAction.state == BulkActionState.DRAFT, BulkAction.created_at < func.now() - DRAFT_TTL)
    db.session.execute(delete(BulkAction).where(*old).execution_options(synchronize_session=False))
    db.session.commit()


def list_recent(subject: str, limit: int = 10) -> list[BulkAction]:
    """Return the latest actions on one kind of rows that were started, newest first."""
    query = select(BulkAction).where(BulkAction.state != BulkActionState.DRAFT, BulkAction.subject == subject)
    return list(db.session.scalars(query.order_by(BulkAction.id.desc()).limit(limit)))


def wake_worker() -> bool:
    """Have a worker begin at once. Returns whether the broker answered; otherwise the periodic task begins it."""
    return wake(MAINTENANCE, TASK_NAME, args=())
