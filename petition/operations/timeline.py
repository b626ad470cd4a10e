"""The timeline of one signature and its emails: signed, enqueued, worker woken, claimed, each attempt, confirmed."""

from collections.abc import Sequence

from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import N_
from petition.delivery.models import Attempt, Delivery, DeliveryState
from petition.signatures.models import Signature
from petition.signatures.search.filters import parse_filter
from petition.signatures.search.search import search
from petition.signatures.staff.history import Event, list_signature_events

MAX_RESULTS = 25


def find_signatures(query: str) -> list[Signature]:
    """Find signatures by email address, in any spelling of the same mailbox, or by prefixes of words of the name.

    Returns at most `MAX_RESULTS`, newest first. Raises `SearchTimeout`.
    """
    field = "email" if "@" in query else "name"
    try:
        criteria = parse_filter({field: query})
    except ValidationError:
        return []
    return list(search(criteria, limit=MAX_RESULTS).items) if criteria.criteria() else []


def build_timeline(signature: Signature) -> list[Event]:
    """Return what happened to a signature and its emails, oldest first."""
    deliveries = list(
        db.session.scalars(select(Delivery).where(Delivery.subject_id == signature.id, Delivery.petition_id > 0))
    )
    attempts = db.session.scalars(
        select(Attempt).where(Attempt.delivery_id.in_([d.id for d in deliveries])).order_by(Attempt.id)
    )
    by_delivery: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        by_delivery.setdefault(attempt.delivery_id, []).append(attempt)
    events = list_signature_events(signature)
    for delivery in deliveries:
        events += _delivery_events(delivery, by_delivery.get(delivery.id, []))
    return sorted(events, key=lambda event: event.at)


def _delivery_events(delivery: Delivery, attempts: Sequence[Attempt]) -> list[Event]:
    values = {"kind": delivery.kind, "id": delivery.id, "queue": delivery.queue}
    events = [Event(delivery.created_at, N_("Email %(id)s enqueued: %(kind)s, queue %(queue)s."), values)]
    for attempt in attempts:
        if attempt.woken_at:
            events.append(
                Event(attempt.woken_at, N_("Email %(id)s: worker woken by %(by)s."), {**values, "by": attempt.woken_by})
            )
        if attempt.claimed_at:
            text = N_("Email %(id)s: claimed by %(worker)s.")
            events.append(Event(attempt.claimed_at, text, {**values, "worker": attempt.worker}))
        text = N_("Email %(id)s: %(state)s.")
        events.append(Event(attempt.ended_at, text, {**values, "state": attempt.state}, attempt.response))
    if delivery.settled_at and not attempts:
        text = N_("Email %(id)s: %(state)s.")
        events.append(Event(delivery.settled_at, text, {**values, "state": delivery.state}, delivery.reason))
    if delivery.state == DeliveryState.SENDING and delivery.lease_until:
        text = N_("Email %(id)s: being sent; the claim of %(worker)s expires at this time.")
        events.append(Event(delivery.lease_until, text, {**values, "worker": delivery.claimed_by}))
    return events
