"""Decide about names in the public list: show, or do not show. Each decision is audited and can be undone."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from petition.core import clock, optimistic_lock
from petition.core.db import db
from petition.core.exceptions import Conflict
from petition.core.ids import find_by_id, is_id
from petition.signatures.fingerprint import derive_salt
from petition.signatures.models import ReviewState, Signature, SignatureState
from petition.team import audit
from petition.team.models import AuditEvent

AUDIT_ACTIONS = {
    ReviewState.APPROVED: "signature.name_approved", ReviewState.REJECTED: "signature.name_rejected",
}  # fmt: skip
SHOWN_FIELDS = ("party", "name", "organisation", "profession", "review", "reported_at")
MAX_LATEST = 50


class Shown(NamedTuple):
    """One line of the form: a signature, and the fingerprint of what the page showed of it."""

    id: int
    fingerprint: str


class Decision(NamedTuple):
    """A decision that was made: its event, and the signature that it is about."""

    event: AuditEvent
    signature: Signature
    can_be_undone: bool


def describe(signature: Signature) -> dict[str, Any]:
    """Return what the audit trail keeps of a review: enough to undo a decision."""
    return {"review": signature.review, "reported": signature.reported_at is not None}


def decide(signature: Signature, review: ReviewState) -> dict[str, Any]:
    """Decide about the name of a loaded signature. Returns what the audit trail says after. Flushes."""
    signature.review, signature.reported_at = review, None
    db.session.flush()
    return describe(signature)


def decide_many(lines: Iterable[Shown], review: ReviewState) -> tuple[int, int]:
    """Decide about the names that a page showed. Returns how many, and how many were left as they changed meanwhile.

    Flushes, does not commit.
    """
    fingerprints = {line.id: line.fingerprint for line in lines if is_id(line.id)}
    query = select(Signature).where(Signature.id.in_(fingerprints), Signature.state == SignatureState.CONFIRMED)
    query = query.order_by(Signature.id).with_for_update(of=Signature).execution_options(populate_existing=True)
    decided = 0
    for signature in db.session.scalars(query).all():
        if compute_fingerprint(signature) == fingerprints[signature.id]:
            before = describe(signature)
            after = decide(signature, review)
            audit.record(AUDIT_ACTIONS[review], "signature", signature.id, before=before, after=after)
            decided += 1
    return decided, len(fingerprints) - decided


def compute_fingerprint(signature: Signature) -> str:
    """Return a hash of what a decision is about: a name that changed since it was shown is not decided."""
    values = {field: getattr(signature, field) for field in SHOWN_FIELDS}
    return optimistic_lock.fingerprint(values, derive_salt(signature.id))


def list_latest() -> list[Decision]:
    """Return the latest decisions, newest first."""
    query = select(AuditEvent).where(AuditEvent.action.in_(AUDIT_ACTIONS.values()))
    events = db.session.scalars(query.order_by(AuditEvent.id.desc()).limit(MAX_LATEST)).all()
    ids = {int(event.subject_id or 0) for event in events}
    signatures = {row.id: row for row in db.session.scalars(select(Signature).where(Signature.id.in_(ids)))}
    seen, decisions = set[int](), []
    for event in events:
        signature = signatures.get(int(event.subject_id or 0))
        if signature is None or signature.id in seen:
            continue
        seen.add(signature.id)
        decisions.append(Decision(event, signature, _is_in_force(event, signature)))
    return decisions


def undo(event_id: int) -> Signature:
    """Undo the latest decision about a name: it is as before, and on the list of names to review if it was.

    Flushes, does not commit. Raises `Conflict` if the name or the decision changed since.
    """
    event = find_by_id(AuditEvent, event_id)
    signature = None
    if event and event.action in AUDIT_ACTIONS.values():
        signature = db.session.get(
            Signature, int(event.subject_id or 0), with_for_update={"of": Signature}, populate_existing=True
        )
    if event is None or signature is None or not _is_latest(event) or not _is_in_force(event, signature):
        raise Conflict({"decision": "this decision is no longer in force"})
    before, former = describe(signature), event.before or {}
    signature.review = former.get("review")
    signature.reported_at = clock.now() if former.get("reported") else None
    db.session.flush()
    audit.record("signature.name_reopened", "signature", signature.id, before=before, after=describe(signature))
    return signature


def _is_in_force(event: AuditEvent, signature: Signature) -> bool:
    after = event.after or {}
    return signature.state == SignatureState.CONFIRMED and after.get("review") == signature.review


def _is_latest(event: AuditEvent) -> bool:
    actions: Sequence[str] = [*AUDIT_ACTIONS.values(), "signature.name_reopened"]
    latest = audit.list_by_subject("signature", event.subject_id or "", actions, limit=1)
    return bool(latest) and latest[0].id == event.id
