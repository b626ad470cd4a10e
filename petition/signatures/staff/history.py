"""The history of one signature: its own events, its emails, and staff actions on it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.db import db
from petition.core.i18n import N_
from petition.delivery.models import Delivery
from petition.petitions.labels import source_label
from petition.signatures.labels import email_kind_label, signature_field_label, signature_state_label
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.partner_news.consents import read_data
from petition.signatures.request_models import AddressChange
from petition.team import audit
from petition.team.labels import actor_label
from petition.team.models import AuditEvent

MAX_EVENTS = 200  # of each kind

# Staff actions on one signature. The audit trail has more, such as who viewed it, which is not part of its history.
ACTION_MESSAGES = {
    "signature.resent": N_("%(who)s had the link sent again."),
    "signature.confirmed": N_("%(who)s confirmed it without the link."),
    "signature.corrected": N_("%(who)s corrected: %(fields)s."),
    "signature.address_given": N_("%(who)s asked the owner of a new address to confirm it."),
    "signature.withdrawn": N_("%(who)s withdrew it."),
    "signature.invalidated": N_("%(who)s invalidated it."),
    "signature.reinstated": N_("%(who)s reinstated it."),
    "signature.quarantined": N_("%(who)s quarantined it."),
    "signature.released": N_("%(who)s released it from quarantine."),
    "signature.restored": N_("%(who)s put it back, though it had been disowned."),
    "signature.updates_stopped": N_("%(who)s stopped the news, at the signer’s request."),
    "signature.restricted": N_("%(who)s restricted its use, at the signer’s request."),
    "signature.restriction_lifted": N_("%(who)s lifted the restriction of its use."),
    "signature.name_approved": N_("%(who)s approved its name for the public list."),
    "signature.name_rejected": N_("%(who)s kept its name out of the public list."),
    "signature.name_reopened": N_("%(who)s undid the decision about its name."),
}
VIEWED_MESSAGE = N_("%(who)s looked at it.")
BULK_ACTION_MESSAGES = {
    "invalidate": N_("%(who)s invalidated it with others (action %(id)s)."),
    "quarantine": N_("%(who)s quarantined it with others (action %(id)s)."),
    "release": N_("%(who)s released it from quarantine with others (action %(id)s)."),
    "reinstate": N_("%(who)s reinstated it with others (action %(id)s)."),
}
DELIVERY_MESSAGES = {
    "sent": N_("Email (%(kind)s): sent."),
    "failed": N_("Email (%(kind)s): failed."),
    "unknown": N_("Email (%(kind)s): not known whether it was sent."),
    "cancelled": N_("Email (%(kind)s): no longer needed, not sent."),
    "suppressed": N_("Email (%(kind)s): not sent, as the address is blocked."),
}


@dataclass(frozen=True)
class Event:
    """Something that happened: a message with values to fill in, and a reason, wording or response as it was given."""

    at: datetime
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    detail: str | None = None


def list_events(signature: Signature) -> list[Event]:
    """Return all that happened to a signature, oldest first; events of the same moment stay in the order below."""
    events = [
        *list_signature_events(signature),
        *_consent_events(signature),
        *_partner_consent_events(signature),
        *_address_events(signature),
        *_email_events(signature),
        *_action_events(signature),
        *_bulk_action_events(signature),
    ]
    return sorted(events, key=lambda event: event.at)


def list_signature_events(signature: Signature) -> list[Event]:
    """Return the events that the signature's own columns record."""
    requested_again = signature.requested_at if signature.requested_at != signature.created_at else None
    events = (
        (signature.created_at, N_("Signed for the first time (%(source)s).")),
        (requested_again, N_("Last asked for a link.")),
        (signature.reminded_at, N_("Reminder queued.")),
        (signature.confirmed_at, N_("Confirmed, and counted.")),
        (signature.ended_at, N_("Ended: %(state)s.")),
    )
    values = {"source": source_label(signature.source), "state": signature_state_label(signature.state)}
    return [Event(at, text, values) for at, text in events if at]


def _consent_events(signature: Signature) -> list[Event]:
    if not signature.updates_at:
        return []
    wording = db.session.get(ConsentWording, signature.updates_wording_id) if signature.updates_wording_id else None
    text = N_("Agreed to receive the news, with this wording:")
    return [Event(signature.updates_at, text, detail=wording.text if wording else None)]


def _partner_consent_events(signature: Signature) -> list[Event]:
    events = []
    for row in read_data(signature) if signature.petition.has_partners else ():
        values = {"name": row["partner"]}
        text = N_("Agreed to receive the news of %(name)s, with this wording:")
        events.append(Event(row["agreed_at"], text, values, row["text"]))
        if row["ended_at"]:
            events.append(Event(row["ended_at"], N_("The news of %(name)s ended."), values))
    return events


def _address_events(signature: Signature) -> list[Event]:
    change = db.session.get(AddressChange, signature.id)
    if change is None or change.confirmed_at is None:
        return []
    return [Event(change.confirmed_at, N_("The owner of a new address confirmed it: it took the place of the other."))]


def _email_events(signature: Signature) -> list[Event]:
    query = select(Delivery).where(Delivery.subject_id == signature.id, Delivery.petition_id > 0)
    events = []
    for delivery in db.session.scalars(query.order_by(Delivery.created_at.desc()).limit(MAX_EVENTS)):
        values = {"kind": email_kind_label(delivery.kind)}
        events.append(Event(delivery.created_at, N_("Email queued: %(kind)s."), values))
        if delivery.settled_at and delivery.state in DELIVERY_MESSAGES:
            events.append(Event(delivery.settled_at, DELIVERY_MESSAGES[delivery.state], values, delivery.reason))
    return events


def _action_events(signature: Signature) -> list[Event]:
    events = audit.list_by_subject("signature", signature.id, list(ACTION_MESSAGES), MAX_EVENTS)
    return [_to_event(event) for event in events]


def _to_event(event: AuditEvent) -> Event:
    reason = (event.after or {}).get("reason")
    return Event(event.at, ACTION_MESSAGES[event.action], describe_action(event, actor_label(event.actor)), reason)


def describe_action(event: AuditEvent, who: str) -> dict[str, str]:
    """Return the values of an action's message."""
    fields = (event.after or {}).get("fields", ())
    return {"who": who, "fields": ", ".join(signature_field_label(name) for name in fields)}


def _bulk_action_events(signature: Signature) -> list[Event]:
    query = select(BulkAction, BulkActionRow.done_at).join(BulkActionRow, BulkActionRow.action_id == BulkAction.id)
    query = query.where(
        BulkActionRow.subject_id == signature.id, BulkActionRow.done_at.is_not(None), BulkAction.subject == "signatures"
    )
    events = []
    for action, done_at in db.session.execute(query.limit(MAX_EVENTS)):
        if done_at and action.verb in BULK_ACTION_MESSAGES:
            values = {"who": actor_label(action.asked_by), "id": action.id}
            events.append(Event(done_at, BULK_ACTION_MESSAGES[action.verb], values, action.reason))
    return events
