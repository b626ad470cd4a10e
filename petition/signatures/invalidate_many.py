"""Strike all signatures that a search finds, and put back exactly those: runs of the team, on signatures."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import OperationalError

from petition.core.db import db
from petition.petitions.count import bump_many
from petition.signatures.filters import Filter
from petition.signatures.models import CONFIRMED, INVALIDATED, PENDING, Signature
from petition.signatures.search import TooSlow, be_quick, conditions_of, was_slow
from petition.team import runs
from petition.team.models import Run, RunRow

SUBJECT = "signatures"
MOST = 500_000  # signatures of one run
PATIENCE = "50s"  # to write their numbers down


def prepare(which: Filter, reason: str, asked_by: str) -> Run:
    """Fix the pending and confirmed signatures that a filter finds, to be invalidated; touch none yet.

    Flushes. Raises `Refusal` when there are none or too many, `TooSlow` when they cannot be found in time.
    """
    run = Run(subject=SUBJECT, verb="invalidate", filter=which.on_record(), reason=reason, asked_by=asked_by[:320])
    try:
        be_quick(PATIENCE)
        rows = select(Signature.id, Signature.state).where(*conditions_of(which))
        return runs.prepare(run, rows.where(Signature.state.in_((PENDING, CONFIRMED))), MOST)
    except OperationalError as error:
        db.session.rollback()
        if not was_slow(error):
            raise
        raise TooSlow from None


def prepare_undo(run: Run, asked_by: str) -> Run:
    """Fix the signatures that a run invalidated and nobody touched since, to be put back. Flushes. Raises `Refusal`."""
    undo = Run(subject=SUBJECT, verb="reinstate", filter={}, undoes=run.id, reason=run.reason, asked_by=asked_by[:320])
    rows = select(RunRow.subject_id, RunRow.state).join(Signature, Signature.id == RunRow.subject_id)
    return runs.prepare(undo, rows.where(*_still_by(run.id)), MOST)


def sample(run: Run) -> list[Signature]:
    """Return a few of the signatures of a run's set."""
    found = select(Signature).where(Signature.id.in_(runs.sample(run))).order_by(Signature.id)
    return list(db.session.scalars(found))


@runs.does(SUBJECT, "invalidate", keeps=True)
def invalidate_batch(_run: Run, state: str, ids: Sequence[int]) -> Collection[int]:
    """Strike a batch, and count it out in the same transaction."""
    still = select(Signature.id).where(Signature.id.in_(ids), Signature.state == state)
    rows = _move(still, state=INVALIDATED, ended_at=func.now())
    return _counted(rows, state, -1)


@runs.does(SUBJECT, "reinstate", keeps=True)
def reinstate_batch(run: Run, state: str, ids: Sequence[int]) -> Collection[int]:
    """Put a batch back into the state it had, unless somebody touched it since, and count it in."""
    still = select(Signature.id).join(RunRow, RunRow.subject_id == Signature.id)
    rows = _move(still.where(Signature.id.in_(ids), *_still_by(run.undoes)), state=state, ended_at=None)
    return _counted(rows, state, +1)


def _still_by(run_id: int | None) -> list[Any]:
    """Return what holds of the signatures that a run invalidated and nobody touched since.

    Both moments are the one of the run's own transaction: who was reinstated and struck again has another.
    """
    return [RunRow.run_id == run_id, RunRow.done_at == Signature.ended_at, Signature.state == INVALIDATED]


def _move(still: Select[int], **values: Any) -> Sequence[Any]:
    # Locked in one order, or two runs over the same signatures could each wait for the other.
    ids = db.session.scalars(still.order_by(Signature.id).with_for_update(of=Signature)).all()
    changed = update(Signature).where(Signature.id.in_(ids)).values(**values)
    changed = changed.returning(Signature.petition_id, Signature.id, Signature.party)
    return db.session.execute(changed.execution_options(synchronize_session=False)).all()


def _counted(rows: Sequence[Any], state: str, by: int) -> Collection[int]:
    if state == CONFIRMED:
        bump_many([(row.petition_id, row.id, row.party) for row in rows], by)
    return [row.id for row in rows]
