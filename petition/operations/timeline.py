"""The timeline of one signature and its emails, or of one email: to the end of each email, and what comes next."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import N_
from petition.delivery.models import Attempt, Delivery, DeliveryState
from petition.operations.actions.delivery_actions import OPERATOR
from petition.operations.labels import state_label
from petition.signatures.labels import email_kind_label
from petition.signatures.models import Signature
from petition.signatures.staff.history import Event, list_signature_events
from petition.team.labels import actor_label

# What woke the worker, by `attempts.woken_by`.
WOKEN_MESSAGES = {
    "wakeup": N_("Email %(id)s: a worker was woken for it."),
    "sweep": N_("Email %(id)s: a worker was woken by the regular sweep."),
}
# What an operator did, by the state that the email then had.
OPERATOR_MESSAGES = {
    DeliveryState.DUE: N_("Email %(id)s: %(who)s had it sent again."),
    DeliveryState.CANCELLED: N_("Email %(id)s: %(who)s discarded it; it is never sent."),
    DeliveryState.SENT: N_("Email %(id)s: %(who)s marked it as sent."),
}


def build_timeline(signature: Signature) -> list[Event]:
    """Return what happened to a signature and its emails, oldest first, and what is to happen next."""
    query = select(Delivery).where(Delivery.subject_id == signature.id, Delivery.petition_id > 0)
    deliveries = list(db.session.scalars(query.order_by(Delivery.id)))
    return sorted([*list_signature_events(signature), *_email_events(deliveries)], key=lambda event: event.at)


def build_email_timeline(delivery: Delivery) -> list[Event]:
    """Return what happened to one email, oldest first, and what is to happen next."""
    return sorted(_email_events([delivery]), key=lambda event: event.at)


def _email_events(deliveries: Sequence[Delivery]) -> Iterator[Event]:
    attempts: dict[int, list[Attempt]] = {delivery.id: [] for delivery in deliveries}
    for attempt in db.session.scalars(select(Attempt).where(Attempt.delivery_id.in_(attempts)).order_by(Attempt.id)):
        attempts[attempt.delivery_id].append(attempt)
    for delivery in deliveries:
        yield from _delivery_events(delivery, attempts[delivery.id])


def _delivery_events(delivery: Delivery, attempts: Sequence[Attempt]) -> Iterator[Event]:
    values = {"kind": email_kind_label(delivery.kind), "id": delivery.id, "queue": delivery.queue}
    text = N_("Email %(id)s enqueued: %(kind)s, queue %(queue)s.")
    request = _("request %(id)s", id=delivery.request_id) if delivery.request_id else None
    yield Event(delivery.created_at, text, values, request)
    for attempt in attempts:
        yield from _attempt_events(delivery, attempt, values)
    yield from _end_events(delivery, attempts, values)


def _attempt_events(delivery: Delivery, attempt: Attempt, values: dict[str, object]) -> Iterator[Event]:
    if attempt.woken_by == OPERATOR:
        text = OPERATOR_MESSAGES[DeliveryState(attempt.state)]
        yield Event(attempt.ended_at, text, {**values, "who": actor_label(attempt.worker)})
        return
    # A worker that was woken for an earlier email takes this one too: it was not woken by this one.
    if attempt.woken_at and attempt.woken_at >= delivery.created_at:
        yield Event(attempt.woken_at, WOKEN_MESSAGES.get(attempt.woken_by or "", WOKEN_MESSAGES["wakeup"]), values)
    if attempt.claimed_at:
        text = N_("Email %(id)s: claimed by %(worker)s.")
        yield Event(max(attempt.claimed_at, delivery.created_at), text, {**values, "worker": attempt.worker})
    text = N_("Email %(id)s: %(state)s.")
    yield Event(attempt.ended_at, text, {**values, "state": state_label(attempt.state)}, attempt.response)


def _end_events(delivery: Delivery, attempts: Sequence[Attempt], values: dict[str, object]) -> Iterator[Event]:
    """Yield how the email ended where no attempt says so, or else what is to happen next."""
    last = attempts[-1] if attempts else None
    if delivery.settled_at and not (last and last.state == delivery.state):
        text = N_("Email %(id)s: %(state)s.")
        yield Event(delivery.settled_at, text, {**values, "state": state_label(delivery.state)}, delivery.reason)
    elif delivery.state == DeliveryState.SENDING and delivery.lease_until:
        text = N_("Email %(id)s: being sent; the claim of %(worker)s expires at this time.")
        yield Event(delivery.lease_until, text, {**values, "worker": delivery.claimed_by})
    elif delivery.state == DeliveryState.DEFERRED:
        text = N_("Email %(id)s: next attempt, not before this time.")
        yield Event(delivery.next_attempt_at, text, values)
    elif delivery.state == DeliveryState.DUE:
        text = N_("Email %(id)s: waits for a worker since this time.")
        yield Event(max(delivery.next_attempt_at, delivery.created_at), text, values)
