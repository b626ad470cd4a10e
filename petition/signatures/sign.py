"""Record a signature and enqueue the email that lets its owner confirm."""

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row

from petition.core import clock
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import InvalidTransition
from petition.delivery.outbox import (
    OutboxEntry,
    RecentEmails,
    enqueue,
    get_enqueue_parameters,
    get_recent_emails,
    prepare_enqueue,
)
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS, Queue
from petition.delivery.wakeup import wake_soon
from petition.petitions.models import Petition
from petition.petitions.queries import find_by_slug
from petition.signatures.consent import get_or_create_wording_id
from petition.signatures.models import Signature, SignatureState
from petition.signatures.queries import (
    INSERT_OR_LOCK_SIGNATURE,
    INSERT_SIGNATURE,
    REFRESH_SIGNATURE,
    SET_LINK_GENERATION,
)
from petition.signatures.validation import Details

MAX_EMAILS_PER_DAY = 5  # to one signature
MIN_EMAIL_INTERVAL = timedelta(minutes=1)  # between two emails to one signature
FORM_COLUMNS = (
    "party", "name", "organisation", "profession", "city", "postal_code", "country", "listed", "updates", "locale",
)  # fmt: skip


class PetitionClosed(InvalidTransition):
    """The petition is not open: nobody can sign it."""

    def __init__(self) -> None:
        super().__init__({"form": _("This can no longer be signed: it is closed.")})


def sign(
    petition: Petition, details: Details, source: str, network: str | None = None, *, delay_email: bool = False
) -> None:
    """Record a pending signature, or refresh it, and enqueue the email that its state calls for. Commits.

    `network`: the keyed hash of the client's network. `delay_email`: the address has reached its hourly limit, so its
    email waits. Idempotent per petition, party and mailbox, however many requests come at once: the database keeps one
    row. The caller does not learn what was stored before. A new signature takes one statement, others a transaction
    with the same number of statements whatever the signature's state. Raises `PetitionClosed`.
    """
    values = _column_values(petition, details, source, network)
    not_before = _not_before(delay_email)
    link = get_enqueue_parameters("confirm_signature", CONFIRMATIONS, not_before)
    if petition.is_open and execute_autocommit(INSERT_SIGNATURE, values | link):
        wake_soon(CONFIRMATIONS.name)
        return
    signature = _insert_or_lock(petition, values | prepare_enqueue("confirm_signature", CONFIRMATIONS, not_before))
    if not signature.is_new:
        _sign_again(petition, signature, values | {"requested_at": clock.now()}, delay_email)
    db.session.commit()


def _column_values(petition: Petition, details: Details, source: str, network: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(details, name) for name in FORM_COLUMNS}
    return values | {
        "email": details.address.typed,
        "email_canonical": details.address.canonical,
        "updates_wording_id": get_or_create_wording_id(petition, details.locale) if details.updates else None,
        "updates_at": clock.now() if details.updates else None,
        "source": source,
        "network": network,
        "petition_id": petition.id,
        "version": petition.version,
    }


def _insert_or_lock(petition: Petition, values: dict[str, Any]) -> Row[Any]:
    """Insert the row or lock the existing one; the database decides between concurrent requests."""
    while petition.is_open:
        row = db.session.execute(INSERT_OR_LOCK_SIGNATURE, values | {"version": petition.version}).one_or_none()
        if row is not None:
            return row
        petition = find_by_slug(petition.slug, lock=True)  # it changed since it was read
    raise PetitionClosed


def _sign_again(petition: Petition, signature: Row[Any], values: dict[str, Any], delay_email: bool) -> None:
    """Refresh an existing signature as its state allows, and enqueue the email that it calls for, if any.

    Disowned, invalidated, or mailed a moment ago: nothing is sent, and the same number of statements runs.
    """
    recent = get_todays_emails(signature.id)
    statement, links = SET_LINK_GENERATION, {"id": 0, "generation": 0}
    kind, queue, not_before = "confirm_signature", CONFIRMATIONS, _not_before(delay_email)
    if signature.state == SignatureState.PENDING:
        statement, links = REFRESH_SIGNATURE, _links_of_pending(signature, values, recent)
    elif signature.state == SignatureState.WITHDRAWN:
        statement, links = REFRESH_SIGNATURE, _next_link(signature, void_earlier=True)
        not_before = _not_before(delay_email, daily_limit_reached=recent.emails >= MAX_EMAILS_PER_DAY)
    elif signature.state == SignatureState.CONFIRMED and may_send_email(recent) and not delay_email:
        links = _next_link(signature)
        kind, queue, not_before = "already_signed", NOTIFICATIONS, None
    db.session.execute(statement, values | links)
    sends = links["generation"] > signature.generation
    entries = [OutboxEntry(petition.id, signature.id, links["generation"])] if sends else []
    enqueue(kind, queue, entries, not_before=not_before)


def _links_of_pending(signature: Row[Any], values: dict[str, Any], recent: RecentEmails) -> dict[str, int]:
    """Return the generation and the oldest valid one of a pending signature that is signed again."""
    changed = any(getattr(signature, name) != values[name] for name in (*FORM_COLUMNS, "email"))
    if may_send_email(recent):
        return _next_link(signature, void_earlier=changed)
    # An email that still waits will show the new details: only its link stays valid.
    void_earlier = changed and recent.has_waiting
    valid_from = signature.generation if void_earlier else signature.valid_from
    return {"id": signature.id, "generation": signature.generation, "valid_from": valid_from}


def _next_link(signature: Row[Any], *, void_earlier: bool = False) -> dict[str, int]:
    generation = signature.generation + 1
    valid_from = generation if void_earlier else signature.valid_from
    return {"id": signature.id, "generation": generation, "valid_from": valid_from}


def _not_before(delay_email: bool, *, daily_limit_reached: bool = False) -> datetime | None:
    """Return until when a link waits: a flood of requests is slowed down, and none is lost."""
    wait = timedelta(days=1) if daily_limit_reached else timedelta(hours=1)
    return clock.now() + wait if delay_email or daily_limit_reached else None


def enqueue_confirmation(signature: Signature, delay_email: bool, daily_limit_reached: bool = False) -> None:
    """Enqueue the link to confirm; later where the address has reached a limit. Flushes."""
    db.session.flush()
    not_before = _not_before(delay_email, daily_limit_reached=daily_limit_reached)
    enqueue("confirm_signature", CONFIRMATIONS, [make_outbox_entry(signature)], not_before=not_before)


def get_todays_emails(signature_id: int) -> RecentEmails:
    """Return what emails were enqueued for a signature in the last 24 hours, mailings apart."""
    return get_recent_emails(signature_id, (CONFIRMATIONS, NOTIFICATIONS), clock.now() - timedelta(days=1))


def may_send_email(recent: RecentEmails) -> bool:
    """Return whether a signature may get one more email: none waits, none was sent a minute ago, not too many today."""
    interval_over = recent.last_at is None or recent.last_at < clock.now() - MIN_EMAIL_INTERVAL
    return not recent.has_waiting and interval_over and recent.emails < MAX_EMAILS_PER_DAY


def enqueue_email(signature: Signature, kind: str, queue: Queue) -> None:
    """Enqueue one more email to the owner of a signature, with a link of its own. Flushes."""
    signature.generation += 1
    db.session.flush()
    enqueue(kind, queue, [make_outbox_entry(signature)])


def make_outbox_entry(signature: Signature) -> OutboxEntry:
    """Return the outbox entry of a signature's next email."""
    return OutboxEntry(signature.petition_id, signature.id, signature.generation)
