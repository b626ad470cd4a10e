"""What happened to one signature: its own moments, its emails, and what the team did to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import N_
from petition.delivery.models import Delivery
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.words import email_words, signature_field_words, signature_state_words
from petition.team import audit
from petition.team.models import AuditEvent, Run, RunRow

MOST = 200  # emails, and acts of the team

# What the team does to one signature, in words; looking is on record, and no part of its history.
ACTS = {
    "signature.resent": N_("%(who)s had the link sent again."),
    "signature.confirmed": N_("%(who)s confirmed it by hand."),
    "signature.corrected": N_("%(who)s corrected: %(fields)s."),
    "signature.withdrawn": N_("%(who)s withdrew it."),
    "signature.invalidated": N_("%(who)s invalidated it."),
    "signature.reinstated": N_("%(who)s reinstated it."),
}
RUNS = {
    "invalidate": N_("%(who)s invalidated it with others (action %(id)s)."),
    "reinstate": N_("%(who)s reinstated it with others (action %(id)s)."),
}
OUTCOMES = {
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
    words: str | None = None


def history(signature: Signature) -> list[Event]:
    """Return what happened to a signature, oldest first, in the order that things depend on."""
    events = [*moments_of(signature), *_consent(signature), *_emails(signature), *_acts(signature), *_runs(signature)]
    return sorted(events, key=lambda event: event.at)


def moments_of(signature: Signature) -> list[Event]:
    """Return what the signature itself remembers."""
    moments = (
        (signature.created_at, N_("Signed for the first time (%(source)s).")),
        (signature.requested_at, N_("Last asked for a link.")),
        (signature.reminded_at, N_("Owed a reminder.")),
        (signature.confirmed_at, N_("Confirmed, and counted.")),
        (signature.ended_at, N_("Ended: %(state)s.")),
    )
    values = {"source": signature.source, "state": signature_state_words(signature.state)}
    return [
        Event(at, text, values)
        for at, text in moments
        if at and not (at == signature.created_at and text.startswith("Last"))
    ]


def _consent(signature: Signature) -> list[Event]:
    if not signature.updates_at:
        return []
    wording = db.session.get(ConsentWording, signature.updates_wording_id) if signature.updates_wording_id else None
    words = wording.text if wording else None
    return [Event(signature.updates_at, N_("Agreed to the news, under these words:"), words=words)]


def _emails(signature: Signature) -> list[Event]:
    query = select(Delivery).where(Delivery.subject_id == signature.id, Delivery.petition_id > 0)
    events = []
    for delivery in db.session.scalars(query.order_by(Delivery.created_at.desc()).limit(MOST)):
        values = {"kind": email_words(delivery.kind)}
        events.append(Event(delivery.created_at, N_("Email owed: %(kind)s."), values))
        if delivery.settled_at and delivery.state in OUTCOMES:
            events.append(Event(delivery.settled_at, OUTCOMES[delivery.state], values, delivery.reason))
    return events


def _acts(signature: Signature) -> list[Event]:
    return [_act(event) for event in audit.about("signature", signature.id, list(ACTS), MOST)]


def _act(event: AuditEvent) -> Event:
    after = event.after or {}
    values = {"who": event.actor, "fields": ", ".join(signature_field_words(name) for name in after.get("fields", ()))}
    return Event(event.at, ACTS[event.action], values, after.get("reason"))


def _runs(signature: Signature) -> list[Event]:
    query = select(Run, RunRow.done_at).join(RunRow, RunRow.run_id == Run.id)
    query = query.where(RunRow.subject_id == signature.id, RunRow.done_at.is_not(None), Run.subject == "signatures")
    return [
        Event(done_at, RUNS[run.verb], {"who": run.asked_by, "id": run.id}, run.reason)
        for run, done_at in db.session.execute(query.limit(MOST))
        if done_at and run.verb in RUNS
    ]
