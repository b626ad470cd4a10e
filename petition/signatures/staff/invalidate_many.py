"""Strike all signatures that a search finds, and put back exactly those: runs of the team, on signatures."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import OperationalError

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import db
from petition.petitions.counters import increment_many
from petition.signatures.models import Signature, SignatureState
from petition.signatures.search.filters import Filter
from petition.signatures.search.search import (
    SearchTimeout,
    apply_query_settings,
    build_conditions,
    is_statement_timeout,
)

SUBJECT = "signatures"
MAX_SIGNATURES = 500_000  # signatures of one run
PREPARE_TIMEOUT = "50s"  # to write their numbers down


def prepare_bulk_invalidation(which: Filter, reason: str, asked_by: str) -> BulkAction:
    """Fix the pending and confirmed signatures that a filter finds, to be invalidated; touch none yet.

    Flushes. Raises `Refusal` when there are none or too many, `TooSlow` when they cannot be found in time.
    """
    run = BulkAction(
        subject=SUBJECT, verb="invalidate", filter=which.redacted(), reason=reason, asked_by=asked_by[:320]
    )
    try:
        apply_query_settings(PREPARE_TIMEOUT)
        rows = select(Signature.id, Signature.state).where(*build_conditions(which))
        return runner.prepare(
            run, rows.where(Signature.state.in_((SignatureState.PENDING, SignatureState.CONFIRMED))), MAX_SIGNATURES
        )
    except OperationalError as error:
        db.session.rollback()
        if not is_statement_timeout(error):
            raise
        raise SearchTimeout from None


def prepare_bulk_reinstatement(run: BulkAction, asked_by: str) -> BulkAction:
    """Fix the signatures that a run invalidated and nobody touched since, to be put back. Flushes. Raises `Refusal`."""
    undo = BulkAction(
        subject=SUBJECT, verb="reinstate", filter={}, undoes=run.id, reason=run.reason, asked_by=asked_by[:320]
    )
    rows = select(BulkActionRow.subject_id, BulkActionRow.state).join(
        Signature, Signature.id == BulkActionRow.subject_id
    )
    return runner.prepare(undo, rows.where(*_still_invalidated_by(run.id)), MAX_SIGNATURES)


def sample_signatures(run: BulkAction) -> list[Signature]:
    """Return a few of the signatures of a run's set."""
    found = select(Signature).where(Signature.id.in_(runner.list_sample_ids(run))).order_by(Signature.id)
    return list(db.session.scalars(found))


def invalidate_batch(_run: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Strike a batch, and count it out in the same transaction."""
    still = select(Signature.id).where(Signature.id.in_(ids), Signature.state == state)
    rows = _transition_batch(still, state=SignatureState.INVALIDATED, ended_at=func.now())
    return _update_counters(rows, state, -1)


def reinstate_batch(run: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Put a batch back into the state it had, unless somebody touched it since, and count it in."""
    still = select(Signature.id).join(BulkActionRow, BulkActionRow.subject_id == Signature.id)
    rows = _transition_batch(
        still.where(Signature.id.in_(ids), *_still_invalidated_by(run.undoes)), state=state, ended_at=None
    )
    return _update_counters(rows, state, +1)


def _still_invalidated_by(action_id: int | None) -> list[Any]:
    """Return what holds of the signatures that a run invalidated and nobody touched since.

    Both moments are the one of the run's own transaction: who was reinstated and struck again has another.
    """
    return [
        BulkActionRow.action_id == action_id,
        BulkActionRow.done_at == Signature.ended_at,
        Signature.state == SignatureState.INVALIDATED,
    ]


def _transition_batch(still: Select[int], **values: Any) -> Sequence[Any]:
    # Locked in one order, or two runs over the same signatures could each wait for the other.
    ids = db.session.scalars(still.order_by(Signature.id).with_for_update(of=Signature)).all()
    changed = update(Signature).where(Signature.id.in_(ids)).values(**values)
    changed = changed.returning(Signature.petition_id, Signature.id, Signature.party)
    return db.session.execute(changed.execution_options(synchronize_session=False)).all()


def _update_counters(rows: Sequence[Any], state: str, by: int) -> Collection[int]:
    if state == SignatureState.CONFIRMED:
        increment_many([(row.petition_id, row.id, row.party) for row in rows], by)
    return [row.id for row in rows]
