"""What happened to one signature: its own moments, its emails, and what the team did to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import db
from petition.core.i18n import N_
from petition.delivery.models import Delivery
from petition.signatures.labels import email_kind_label, signature_field_label, signature_state_label
from petition.signatures.models import ConsentWording, Signature
from petition.team import audit
from petition.team.models import AuditEvent

MAX_EVENTS = 200  # emails, and acts of the team

# What the team does to one signature, in words; looking is on record, and no part of its history.
ACTION_MESSAGES = {
    "signature.resent": N_("%(who)s had the link sent again."),
    "signature.confirmed": N_("%(who)s confirmed it by hand."),
    "signature.corrected": N_("%(who)s corrected: %(fields)s."),
    "signature.withdrawn": N_("%(who)s withdrew it."),
    "signature.invalidated": N_("%(who)s invalidated it."),
    "signature.reinstated": N_("%(who)s reinstated it."),
}
BULK_ACTION_MESSAGES = {
    "invalidate": N_("%(who)s invalidated it with others (action %(id)s)."),
    "reinstate": N_("%(who)s reinstated it with others (action %(id)s)."),
}
DELIVERY_MESSAGES = {
    "sent": N_("Email (%(kind)s): sent."),
    "failed": N_("Email (%(kind)s): failed."),
    "unknown": N_("Email (%(kind)s): nobody knows whether it left."),
    "cancelled": N_("Email (%(kind)s): no longer wanted, not sent."),
    "suppressed": N_("Email (%(kind)s): not sent, as the address is blocked."),
}


@dataclass(frozen=True)
class Event:
    """Something that happened, in words with values to fill in; `words` is what somebody gave as the reason."""

    at: datetime
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    detail: str | None = None


def list_events(signature: Signature) -> list[Event]:
    """Return what happened to a signature, oldest first, in the order that things depend on."""
    events = [
        *list_signature_events(signature),
        *_consent_events(signature),
        *_email_events(signature),
        *_action_events(signature),
        *_bulk_action_events(signature),
    ]
    return sorted(events, key=lambda event: event.at)


def list_signature_events(signature: Signature) -> list[Event]:
    """Return what the signature itself remembers."""
    moments = (
        (signature.created_at, N_("Signed for the first time (%(source)s).")),
        (signature.requested_at, N_("Last asked for a link.")),
        (signature.reminded_at, N_("Owed a reminder.")),
        (signature.confirmed_at, N_("Confirmed, and counted.")),
        (signature.ended_at, N_("Ended: %(state)s.")),
    )
    values = {"source": signature.source, "state": signature_state_label(signature.state)}
    return [
        Event(at, text, values)
        for at, text in moments
        if at and not (at == signature.created_at and text.startswith("Last"))
    ]


def _consent_events(signature: Signature) -> list[Event]:
    if not signature.updates_at:
        return []
    wording = db.session.get(ConsentWording, signature.updates_wording_id) if signature.updates_wording_id else None
    words = wording.text if wording else None
    return [Event(signature.updates_at, N_("Agreed to the news, under these words:"), detail=words)]


def _email_events(signature: Signature) -> list[Event]:
    query = select(Delivery).where(Delivery.subject_id == signature.id, Delivery.petition_id > 0)
    events = []
    for delivery in db.session.scalars(query.order_by(Delivery.created_at.desc()).limit(MAX_EVENTS)):
        values = {"kind": email_kind_label(delivery.kind)}
        events.append(Event(delivery.created_at, N_("Email owed: %(kind)s."), values))
        if delivery.settled_at and delivery.state in DELIVERY_MESSAGES:
            events.append(Event(delivery.settled_at, DELIVERY_MESSAGES[delivery.state], values, delivery.reason))
    return events


def _action_events(signature: Signature) -> list[Event]:
    return [
        _to_event(event)
        for event in audit.list_by_subject("signature", signature.id, list(ACTION_MESSAGES), MAX_EVENTS)
    ]


def _to_event(event: AuditEvent) -> Event:
    after = event.after or {}
    values = {"who": event.actor, "fields": ", ".join(signature_field_label(name) for name in after.get("fields", ()))}
    return Event(event.at, ACTION_MESSAGES[event.action], values, after.get("reason"))


def _bulk_action_events(signature: Signature) -> list[Event]:
    query = select(BulkAction, BulkActionRow.done_at).join(BulkActionRow, BulkActionRow.action_id == BulkAction.id)
    query = query.where(
        BulkActionRow.subject_id == signature.id, BulkActionRow.done_at.is_not(None), BulkAction.subject == "signatures"
    )
    return [
        Event(done_at, BULK_ACTION_MESSAGES[run.verb], {"who": run.asked_by, "id": run.id}, run.reason)
        for run, done_at in db.session.execute(query.limit(MAX_EVENTS))
        if done_at and run.verb in BULK_ACTION_MESSAGES
    ]
