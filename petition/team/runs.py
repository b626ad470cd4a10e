"""Acts on many rows: fixed when first shown, then done in the background, batch by batch, stopped and gone on with.

A feature registers what a batch does (`@does("signatures", "invalidate")`); the rest is the same for all.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from flask import current_app
from kombu.exceptions import OperationalError
from sqlalchemy import delete, func, insert, literal, select, text, update

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.delivery.lanes import UPKEEP
from petition.team.models import DONE, DRAFT, RUNNING, STOPPED, Run, RunRow

BATCH = 500  # rows touched by one transaction
ROUND = 25.0  # seconds of work for one task
SAMPLE = 10
DRAFTS_KEPT = "1 day"
TASK = "petition.team.tasks.act"

Change = Callable[[Run, str, Sequence[int]], Collection[int]]


@dataclass(frozen=True)
class Kind:
    """What a run of one kind does to a batch of rows in one state, and whether what it did is kept, to be undone."""

    change: Change
    keeps: bool


_kinds: dict[tuple[str, str], Kind] = {}


def does(subject: str, verb: str, *, keeps: bool = False) -> Callable[[Change], Change]:
    """Register what a batch of a run does.

    The function gets the run, a state, and the numbers of rows that were in it when the set was fixed. It changes those
    that still are, flushes, and returns their numbers.
    """

    def register(change: Change) -> Change:
        _kinds[subject, verb] = Kind(change, keeps)
        return change

    return register


def verbs(subject: str) -> list[str]:
    """Return what can be done to many rows of a kind."""
    return [verb for of, verb in _kinds if of == subject]


def prepare(run: Run, rows: Any, most: int | None = None) -> Run:
    """Fix the set that a run would touch, out of a `Select` of numbers and states, and touch none yet.

    Flushes, does not commit. Raises `Refusal` when there is nothing to act on, or more than `most` rows.
    """
    if (run.subject, run.verb) not in _kinds:
        raise Refusal({"verb": f"no such action: {run.verb}; there are {', '.join(verbs(run.subject))}"})
    db.session.add(run)
    db.session.flush()
    number, state = rows.limit(most and most + 1).subquery().c
    fixed = db.session.execute(
        insert(RunRow).from_select(["run_id", "subject_id", "state"], select(literal(run.id), number, state)),
        # Or SQLAlchemy does not ask how many rows an insert made.
        execution_options={"preserve_rowcount": True},
    )
    run.total = int(getattr(fixed, "rowcount", 0))
    if not run.total:
        raise Refusal({"filter": "nothing is like that now: nothing to do"})
    if most and run.total > most:
        raise Refusal({"filter": f"more than {most:,} at once: narrow the filter, and act in parts"})
    db.session.flush()
    return run


def sample(run: Run) -> list[int]:
    """Return a few numbers of a run's set, the lowest that are left in it."""
    ids = select(RunRow.subject_id).where(RunRow.run_id == run.id).order_by(RunRow.subject_id)
    return list(db.session.scalars(ids.limit(SAMPLE)))


def find(subject: str, run_id: int, *, lock: bool = False) -> Run:
    """Return a run on one kind of rows. Raises `Gone`."""
    found = None
    if 0 < run_id < 2**63:
        found = db.session.get(Run, run_id, with_for_update=lock or None, populate_existing=lock)
    if found is None or found.subject != subject:
        raise Gone({"action": "there is no such action any more: ask for it again"})
    return found


def start(run: Run) -> bool:
    """Let the work begin, or go on after a stop; returns whether this call did it. Flushes, does not commit.

    What is being undone does not go on.
    """
    if run.state not in (DRAFT, STOPPED) or undone_by(run):
        return False
    run.state, run.started_at, run.ended_at = RUNNING, run.started_at or clock.now(), None
    db.session.flush()
    return True


def stop(run: Run) -> bool:
    """Stop after the batch in hand; what was done stays done. Returns whether this call did it. Flushes."""
    if run.state != RUNNING:
        return False
    run.state, run.ended_at = STOPPED, clock.now()
    db.session.flush()
    return True


def undone_by(run: Run) -> Run | None:
    """Return the run that began to undo this one, if any."""
    return db.session.scalar(select(Run).where(Run.undoes == run.id, Run.state != DRAFT).limit(1))


def work(run_id: int) -> Iterator[Run]:
    """Do a running run batch by batch, each its own transaction, and yield it after each; two at once share it.

    Commits. Ends when it is done, or stopped by somebody else.
    """
    while True:
        run = db.session.get(Run, run_id, with_for_update=True, populate_existing=True)
        if run is None or run.state != RUNNING:
            db.session.commit()
            return
        if not _batch(run):
            run.state, run.ended_at = DONE, clock.now()
        db.session.commit()
        yield run


def _batch(run: Run) -> bool:
    ahead = select(RunRow.subject_id, RunRow.state).where(RunRow.run_id == run.id, RunRow.subject_id > run.position)
    rows = db.session.execute(ahead.order_by(RunRow.subject_id).limit(BATCH)).all()
    if not rows:
        return False
    kind, done = _kinds[run.subject, run.verb], set[int]()
    for state in sorted({row.state for row in rows}):
        done |= set(kind.change(run, state, [row.subject_id for row in rows if row.state == state]))
    _settle(run, [row.subject_id for row in rows], done if kind.keeps else set())
    run.position = rows[-1].subject_id
    run.done += len(done)
    run.skipped += len(rows) - len(done)
    return True


def _settle(run: Run, taken: list[int], kept: set[int]) -> None:
    """Keep the rows that can be put back, and drop the others of a batch."""
    mine = RunRow.run_id == run.id
    gone = [number for number in taken if number not in kept]
    silent = {"synchronize_session": False}
    if gone:
        db.session.execute(delete(RunRow).where(mine, RunRow.subject_id.in_(gone)).execution_options(**silent))
    if kept:
        marked = update(RunRow).where(mine, RunRow.subject_id.in_(kept)).values(done_at=func.now())
        db.session.execute(marked.execution_options(**silent))


def work_on_all() -> None:
    """Go on with every running run for a while: the task's part of it. Commits."""
    ends = time.monotonic() + ROUND
    for run_id in db.session.scalars(select(Run.id).where(Run.state == RUNNING).order_by(Run.id)).all():
        for _ in work(run_id):
            if time.monotonic() > ends:
                return


def forget_drafts() -> None:
    """Drop the sets that were shown and never started. Commits."""
    old = text(f"state = 'draft' AND created_at < now() - interval '{DRAFTS_KEPT}'")
    db.session.execute(delete(Run).where(old).execution_options(synchronize_session=False))
    db.session.commit()


def latest(subject: str, limit: int = 10) -> list[Run]:
    """Return the last runs that were started on one kind of rows, newest first."""
    query = select(Run).where(Run.state != DRAFT, Run.subject == subject).order_by(Run.id.desc())
    return list(db.session.scalars(query.limit(limit)))


def wake() -> bool:
    """Have the work begin at once. Returns whether the broker answered; where it is away, beat does it later."""
    try:
        current_app.extensions["celery"].send_task(TASK, queue=UPKEEP, retry=False)
    except (redis.RedisError, OperationalError, OSError):
        return False
    return True
