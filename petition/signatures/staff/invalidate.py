"""Invalidate signatures that are not genuine, one or all that a search finds, and reinstate them as they were."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Row, Select, func, select, update

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import db
from petition.petitions.counters import increment, increment_many
from petition.signatures.confirm import end_confirmed, transition
from petition.signatures.models import CONFIRMED_STATES, Signature, SignatureState
from petition.signatures.search.filters import Filter
from petition.signatures.search.queries import build_conditions
from petition.signatures.search.search import statement_timeout

SUBJECT = "signatures"  # of bulk actions
MAX_SIGNATURES = 500_000  # of one bulk action
PREPARE_TIMEOUT = "50s"  # of the statement that fixes the set of a bulk action


def invalidate(signature: Signature) -> bool:
    """Invalidate a pending, confirmed or quarantined signature: not counted, not listed, never emailed.

    Return whether it changed.

    `confirmed_at` and `confirmed_no` stay, for `reinstate`. Flushes, does not commit.
    """
    if transition(signature, SignatureState.PENDING, SignatureState.INVALIDATED, ended_at=func.now()):
        return True
    return end_confirmed(signature, SignatureState.INVALIDATED, ended_at=func.now())


def reinstate(signature: Signature) -> bool:
    """Restore an invalidated signature to its former state and position in the list. Return whether it changed.

    Flushes, does not commit.
    """
    state = signature.former_state
    if not transition(signature, SignatureState.INVALIDATED, state, ended_at=None):
        return False
    if state == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, +1)
    return True


def prepare_bulk_invalidation(criteria: Filter, reason: str, asked_by: str) -> BulkAction:
    """Prepare the invalidation of the signatures that a filter finds and that have not ended; change none yet.

    Flushes. Raises `NoMatchingRows`, `TooManyRows`, or `SearchTimeout` when they cannot be found in time.
    """
    bulk_action = BulkAction(
        subject=SUBJECT, verb="invalidate", filter=criteria.redacted(), reason=reason, asked_by=asked_by[:320]
    )
    with statement_timeout(PREPARE_TIMEOUT):
        states = (SignatureState.PENDING, *CONFIRMED_STATES)
        query = select(Signature.id, Signature.state).where(
            *build_conditions(criteria), Signature.state.in_(states), Signature.restricted_at.is_(None)
        )
        return runner.prepare(bulk_action, query, MAX_SIGNATURES)


def prepare_bulk_reinstatement(bulk_action: BulkAction, asked_by: str) -> BulkAction:
    """Prepare to reinstate the signatures that a bulk action invalidated and that have not changed since.

    Flushes. Raises `NoMatchingRows`.
    """
    undo = BulkAction(
        subject=SUBJECT, verb="reinstate", filter={}, undoes=bulk_action.id, reason=bulk_action.reason,
        asked_by=asked_by[:320],
    )  # fmt: skip
    query = select(BulkActionRow.subject_id, BulkActionRow.state)
    query = query.join(Signature, Signature.id == BulkActionRow.subject_id)
    return runner.prepare(undo, query.where(*_still_invalidated_by(bulk_action.id)), MAX_SIGNATURES)


def sample_signatures(bulk_action: BulkAction) -> list[Signature]:
    """Return a few of the signatures of a bulk action."""
    query = select(Signature).where(Signature.id.in_(runner.list_sample_ids(bulk_action)))
    return list(db.session.scalars(query.order_by(Signature.id)))


def invalidate_batch(_bulk_action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Invalidate a batch of signatures that are still in the state, and decrement the counters. Returns their ids."""
    unchanged = select(Signature.id).where(Signature.id.in_(ids), Signature.state == state)
    rows = _transition_batch(unchanged, state=SignatureState.INVALIDATED, ended_at=func.now())
    return _update_counters(rows, state, -1)


def reinstate_batch(bulk_action: BulkAction, state: str, ids: Sequence[int]) -> Collection[int]:
    """Restore a batch of signatures to the state they had, and increment the counters. Returns their ids."""
    unchanged = select(Signature.id).join(BulkActionRow, BulkActionRow.subject_id == Signature.id)
    unchanged = unchanged.where(Signature.id.in_(ids), *_still_invalidated_by(bulk_action.undoes))
    return _update_counters(_transition_batch(unchanged, state=state, ended_at=None), state, +1)


def _still_invalidated_by(action_id: int | None) -> list[ColumnElement[bool]]:
    """Return the conditions on signatures that a bulk action invalidated and that have not changed since.

    Both times are the `now()` of one transaction: a signature that was reinstated and invalidated again has another.
    """
    return [
        BulkActionRow.action_id == action_id,
        BulkActionRow.done_at == Signature.ended_at,
        Signature.state == SignatureState.INVALIDATED,
    ]


def _transition_batch(unchanged: Select[int], **values: object) -> Sequence[Row[int, int, str]]:
    # Rows are locked in one order: two bulk actions on the same signatures would otherwise deadlock.
    unchanged = unchanged.where(Signature.anonymised_at.is_(None), Signature.restricted_at.is_(None))
    ids = db.session.scalars(unchanged.order_by(Signature.id).with_for_update(of=Signature)).all()
    changed = update(Signature).where(Signature.id.in_(ids)).values(**values)
    changed_rows = changed.returning(Signature.petition_id, Signature.id, Signature.party)
    return db.session.execute(changed_rows.execution_options(synchronize_session=False)).all()


def _update_counters(rows: Sequence[Row[int, int, str]], state: str, change: int) -> Collection[int]:
    if state == SignatureState.CONFIRMED:
        increment_many([(row.petition_id, row.id, row.party) for row in rows], change)
    return [row.id for row in rows]
