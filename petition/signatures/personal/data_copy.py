"""Everything that the database holds on a signer, for the copy that they may ask for (GDPR, articles 15 and 20).

A table that refers to a signature belongs in it: `tests/signatures/personal/test_data_copy.py` fails on one that is
not here.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import or_, select

from petition.backups.journal import hash_signature
from petition.backups.models import JournalEntry
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import any_of, db
from petition.delivery.bounces.models import Bounce, BounceKind
from petition.delivery.models import Attempt, Delivery
from petition.delivery.suppressions.suppression_list import find_by_address, hash_address
from petition.signatures.labels import (
    delivery_state_label,
    email_kind_label,
    journal_act_label,
    report_kind_label,
    report_reason_label,
)
from petition.signatures.models import ConsentWording, Signature, SignatureState
from petition.signatures.partner_news.consents import read_data
from petition.signatures.request_models import AddressChange, SignRequest
from petition.signatures.review.models import NameReport
from petition.signatures.staff.history import ACTION_MESSAGES, BULK_ACTION_MESSAGES, VIEWED_MESSAGE, describe_action
from petition.team import audit
from petition.team.models import AuditEvent

MAX_TEAM_ACTIONS = 1000
QUARANTINE_ACTIONS = ("signature.quarantined", "signature.released")
# Columns that say nothing of the signer: who of the team acted, which worker, the team's search.
HIDDEN_COLUMNS = {
    "deliveries": ("claim_token", "claimed_by"),
    "attempts": ("worker", "delivery_id"),
    "bounces": ("raw", "digest"),
    "audit_events": ("account_id", "actor", "subject", "subject_id"),
}

DataSource = Callable[[Signature], list[dict[str, Any]]]


def register_data_source(app: Flask, key: str, read: DataSource) -> None:
    """Add a feature's rows on a signature to the copy of its signer's data, under a key."""
    app.extensions.setdefault("petition.data_sources", {})[key] = read


def collect_data(signature: Signature) -> dict[str, Any]:
    """Return the copy: the signature's columns and, under keys of their own, the rows that refer to it.

    Values are as they are stored; each `label` says in words, in the reader's language, what a code means. Members of
    the team are not named.
    """
    deliveries = _list_deliveries(signature)
    return {
        "petition": signature.petition.slug,
        **to_dict(signature),
        "consent": _consent(signature),
        "partner_news": read_data(signature),
        "passing_on": _passing_on(signature),
        "waiting_requests": _waiting_requests(signature),
        "address_change": _address_change(signature),
        "emails": deliveries,
        "address": _address_state(signature, [delivery["id"] for delivery in deliveries]),
        "name_reports": _name_reports(signature),
        "team_actions": _team_actions(signature),
        "journal": _journal(signature),
        **{key: read(signature) for key, read in current_app.extensions.get("petition.data_sources", {}).items()},
    }


def collect_data_for_link(signature: Signature) -> dict[str, Any]:
    """Return the copy for whoever holds the link: the same, quarantined or not.

    Otherwise who forges signatures learns from one of them what becomes of all. The copy that the team hands out, to a
    person who asks for it, says it (docs/decisions/0060).
    """
    data = collect_data(signature)
    state = SignatureState.CONFIRMED if signature.is_confirmed else signature.state
    kept = {name: value for name, value in data.items() if name not in ("quarantined_at", "quarantined_by")}
    return {**kept, "state": state, "team_actions": _team_actions(signature, with_quarantine=False)}


def to_dict(row: Any) -> dict[str, Any]:
    """Return the columns of a row, without the hidden ones of its table."""
    hidden = HIDDEN_COLUMNS.get(row.__tablename__, ())
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in hidden}


def _consent(signature: Signature) -> dict[str, Any] | None:
    """Return the wording of the box for updates that the signer ticked last, and when."""
    wording = db.session.get(ConsentWording, signature.updates_wording_id) if signature.updates_wording_id else None
    return {**to_dict(wording), "agreed_at": signature.updates_at} if wording else None


def _passing_on(signature: Signature) -> dict[str, Any] | None:
    """Return the wording by which the signer agreed last to be passed on, and when."""
    wording_id = signature.passed_on_wording_id
    wording = db.session.get(ConsentWording, wording_id) if wording_id else None
    return {**to_dict(wording), "agreed_at": signature.passed_on_at} if wording else None


def _waiting_requests(signature: Signature) -> list[dict[str, Any]]:
    query = select(SignRequest).where(
        SignRequest.petition_id == signature.petition_id,
        SignRequest.party == signature.party,
        SignRequest.email_canonical == signature.email_canonical,
    )
    return [to_dict(row) for row in db.session.scalars(query)]


def _address_change(signature: Signature) -> dict[str, Any] | None:
    """Return the new address that the signer gave last, until its link has expired."""
    change = db.session.get(AddressChange, signature.id)
    return to_dict(change) if change else None


def _list_deliveries(signature: Signature) -> list[dict[str, Any]]:
    """Return the emails to a signer, oldest first, each with its attempts."""
    query = select(Delivery).where(Delivery.subject_id == signature.id, Delivery.petition_id > 0).order_by(Delivery.id)
    deliveries = db.session.scalars(query).all()
    attempts: dict[int, list[dict[str, Any]]] = {delivery.id: [] for delivery in deliveries}
    tried = select(Attempt).where(Attempt.delivery_id == any_of(attempts)).order_by(Attempt.id)
    for attempt in db.session.scalars(tried):
        values = {**to_dict(attempt), "label": delivery_state_label(attempt.state)}
        attempts[attempt.delivery_id].append(values)
    return [
        {
            **to_dict(delivery),
            "label": email_kind_label(delivery.kind),
            "state_label": delivery_state_label(delivery.state),
            "attempts": attempts[delivery.id],
        }
        for delivery in deliveries
    ]


def _address_state(signature: Signature, delivery_ids: Sequence[int]) -> dict[str, Any]:
    """Return whether the address is suppressed, and the reports about it that mail servers sent back."""
    suppression = find_by_address(signature.email)
    # Each condition has its index: on the address, only soft bounces have one.
    soft = (Bounce.kind == BounceKind.SOFT) & Bounce.address_hash.in_(hash_address(signature.email))
    query = select(Bounce).where(or_(Bounce.delivery_id == any_of(delivery_ids), soft)).order_by(Bounce.id)
    reports = [{**to_dict(report), "label": report_kind_label(report.kind)} for report in db.session.scalars(query)]
    return {"suppressed": to_dict(suppression) if suppression else None, "reports": reports}


def _name_reports(signature: Signature) -> list[dict[str, Any]]:
    """Return how many readers of the public list reported the name, by reason; nothing is stored of them."""
    query = select(NameReport).where(NameReport.signature_id == signature.id).order_by(NameReport.reason)
    return [{**to_dict(row), "label": report_reason_label(row.reason)} for row in db.session.scalars(query)]


def _team_actions(signature: Signature, *, with_quarantine: bool = True) -> list[dict[str, Any]]:
    """Return what members of the team did to a signature, alone and in bulk, and when they looked at it."""
    events = audit.list_by_subject("signature", signature.id, limit=MAX_TEAM_ACTIONS)
    actions = [
        {**to_dict(event), "label": _describe(event)}
        for event in events
        if with_quarantine or event.action not in QUARANTINE_ACTIONS
    ]
    query = select(BulkAction, BulkActionRow).join(BulkActionRow, BulkActionRow.action_id == BulkAction.id)
    mine = (BulkActionRow.subject_id == signature.id, BulkActionRow.done_at.is_not(None))
    if not with_quarantine:
        query = query.where(BulkAction.verb.not_in(("quarantine", "release")))
    for action, row in db.session.execute(query.where(*mine, BulkAction.subject == "signatures")):
        values = {"who": _("A member of the team"), "id": action.id}
        label = _(BULK_ACTION_MESSAGES[action.verb]) % values if action.verb in BULK_ACTION_MESSAGES else action.verb
        actions.append({**to_dict(row), "at": row.done_at, "reason": action.reason, "label": label})
    return sorted(actions, key=lambda action: action["at"])


def _journal(signature: Signature) -> list[dict[str, Any]]:
    """Return what stands in the erasure journal for the signature, so that a restored backup does not undo it."""
    query = select(JournalEntry).where(JournalEntry.subject_hash.in_(hash_signature(signature.id)))
    rows = db.session.scalars(query.order_by(JournalEntry.id))
    return [{**to_dict(row), "label": journal_act_label(row.act)} for row in rows]


def _describe(event: AuditEvent) -> str:
    known = {**ACTION_MESSAGES, "signature.viewed": VIEWED_MESSAGE}
    if event.action not in known:
        return event.action
    return _(known[event.action]) % describe_action(event, who=_("A member of the team"))
