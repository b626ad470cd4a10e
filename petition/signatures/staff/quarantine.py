"""Quarantine signatures that look forged: not counted, not listed, in no mailing, and their signers see no difference.

Reversible: `confirmed_at` and `confirmed_no` stay, and a release puts each back into its place in the list.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Row, func, select, update

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import db
from petition.petitions.counters import increment, increment_many
from petition.signatures.confirm import transition
from petition.signatures.models import Signature, SignatureState
from petition.signatures.search.filters import Filter
from petition.signatures.search.queries import build_conditions
from petition.signatures.search.search import statement_timeout
from petition.signatures.staff.invalidate import MAX_SIGNATURES, PREPARE_TIMEOUT, SUBJECT

STAFF_ACTION = 0  # in place of a cluster
CLUSTERS = "clusters"  # the key of a bulk action's filter: their ids


def quarantine(signature: Signature) -> bool:
    """Quarantine a confirmed signature. Returns whether it changed. Flushes, does not commit."""
    columns = {"quarantined_at": func.now(), "quarantined_by": func.coalesce(Signature.quarantined_by, STAFF_ACTION)}
    if not transition(signature, SignatureState.CONFIRMED, SignatureState.QUARANTINED, **columns):
        return False
    increment(signature.petition_id, signature.id, signature.party, -1)
    return True


def release(signature: Signature) -> bool:
    """Count a quarantined signature again. Returns whether it changed. Flushes, does not commit.

    `quarantined_by` stays: no rule holds again what was released.
    """
    if not transition(signature, SignatureState.QUARANTINED, SignatureState.CONFIRMED, quarantined_at=None):
        return False
    increment(signature.petition_id, signature.id, signature.party, +1)
    return True


def quarantine_many(ids: Sequence[int], cluster_id: int | None) -> Collection[int]:
    """Quarantine those of some signatures that are confirmed and not restricted. Returns their ids. Flushes.

    Rows are locked in one order, as by every bulk action.
    """
    unchanged = select(Signature.id).where(
        Signature.id.in_(ids), Signature.state == SignatureState.CONFIRMED,
        Signature.anonymised_at.is_(None), Signature.restricted_at.is_(None),
    )  # fmt: skip
    locked = db.session.scalars(unchanged.order_by(Signature.id).with_for_update(of=Signature)).all()
    by = func.coalesce(Signature.quarantined_by, STAFF_ACTION) if cluster_id is None else cluster_id
    rows = _update(locked, state=SignatureState.QUARANTINED, quarantined_at=func.now(), quarantined_by=by)
    increment_many([(row.petition_id, row.id, row.party) for row in rows], -1)
    return [row.id for row in rows]


def prepare_bulk_quarantine(criteria: Filter, reason: str, asked_by: str) -> BulkAction:
    """Prepare the quarantine of the confirmed signatures that a filter finds; change none yet.

    Flushes. Raises `NoMatchingRows`, `TooManyRows`, or `SearchTimeout`.
    """
    action = _make("quarantine", criteria.redacted(), reason, asked_by)
    with statement_timeout(PREPARE_TIMEOUT):
        query = select(Signature.id, Signature.state).where(
            *build_conditions(criteria), Signature.state == SignatureState.CONFIRMED, Signature.restricted_at.is_(None)
        )
        return runner.prepare(action, query, MAX_SIGNATURES)


def prepare_bulk_release(criteria: Filter, reason: str, asked_by: str) -> BulkAction:
    """Prepare the release of the quarantined signatures that a filter finds; change none yet. Raises as above."""
    action = _make("release", criteria.redacted(), reason, asked_by)
    with statement_timeout(PREPARE_TIMEOUT):
        query = select(Signature.id, Signature.state).where(
            *build_conditions(criteria), Signature.state == SignatureState.QUARANTINED
        )
        return runner.prepare(action, query, MAX_SIGNATURES)


def prepare_for_clusters(
    verb: str, petition_id: int, cluster_ids: Sequence[int], reason: str, asked_by: str
) -> BulkAction:
    """Prepare the release or the invalidation of what clusters of a petition quarantined. Flushes. Raises as above."""
    query = select(Signature.id, Signature.state).where(
        Signature.petition_id == petition_id, Signature.quarantined_by.in_(cluster_ids),
        Signature.quarantined_at.is_not(None), Signature.state == SignatureState.QUARANTINED,
    )  # fmt: skip
    return runner.prepare(_make(verb, {CLUSTERS: list(cluster_ids)}, reason, asked_by), query, MAX_SIGNATURES)


def prepare_undo(action: BulkAction, asked_by: str) -> BulkAction:
    """Prepare to undo a quarantine or a release, of the signatures that have not changed since. Flushes.

    Raises `NoMatchingRows`.
    """
    verb, condition = "release", _still_quarantined_by(action.id)
    if action.verb == "release":
        verb, condition = "quarantine", [BulkActionRow.action_id == action.id, BulkActionRow.done_at.is_not(None),
                                         Signature.state == SignatureState.CONFIRMED]  # fmt: skip
    undo = _make(verb, {}, action.reason or "", asked_by)
    undo.undoes = action.id
    query = select(BulkActionRow.subject_id, Signature.state).join(Signature, Signature.id == BulkActionRow.subject_id)
    return runner.prepare(undo, query.where(*condition), MAX_SIGNATURES)


def quarantine_batch(_action: BulkAction, _state: str, ids: Sequence[int]) -> Collection[int]:
    """Quarantine a batch of signatures that still count. Returns their ids."""
    return quarantine_many(ids, None)


def release_batch(_action: BulkAction, _state: str, ids: Sequence[int]) -> Collection[int]:
    """Count a batch of signatures again that are still quarantined. Returns their ids."""
    unchanged = select(Signature.id).where(
        Signature.id.in_(ids), Signature.state == SignatureState.QUARANTINED, Signature.anonymised_at.is_(None)
    )
    locked = db.session.scalars(unchanged.order_by(Signature.id).with_for_update(of=Signature)).all()
    rows = _update(locked, state=SignatureState.CONFIRMED, quarantined_at=None)
    increment_many([(row.petition_id, row.id, row.party) for row in rows], +1)
    return [row.id for row in rows]


def _still_quarantined_by(action_id: int) -> list[ColumnElement[bool]]:
    """Return the conditions on signatures that a bulk action quarantined and that have not changed since.

    Both times are the `now()` of one transaction.
    """
    return [
        BulkActionRow.action_id == action_id,
        BulkActionRow.done_at == Signature.quarantined_at,
        Signature.state == SignatureState.QUARANTINED,
    ]


def _make(verb: str, criteria: Mapping[str, object], reason: str, asked_by: str) -> BulkAction:
    return BulkAction(subject=SUBJECT, verb=verb, filter=dict(criteria), reason=reason, asked_by=asked_by[:320])


def _update(ids: Sequence[int], **values: object) -> Sequence[Row[int, int, str]]:
    changed = update(Signature).where(Signature.id.in_(ids)).values(**values)
    returned = changed.returning(Signature.petition_id, Signature.id, Signature.party)
    return db.session.execute(returned.execution_options(synchronize_session=False)).all()
