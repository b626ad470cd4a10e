"""Sign: record a pending signature and enqueue the email with its confirmation link."""

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, select

from petition.core import clock
from petition.core.db import db, execute_autocommit, read_detached
from petition.core.exceptions import InvalidTransition
from petition.delivery.outbox import OutboxEntry, RecentEmails, enqueue, get_enqueue_parameters, get_recent_emails
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS, Queue
from petition.delivery.wakeup import wake_soon
from petition.petitions.models import Petition
from petition.signatures.consent import get_or_create_wording_id
from petition.signatures.models import Signature, SignatureState
from petition.signatures.queries import (
    INSERT_SIGNATURE_SQL,
    LOCK_SIGNATURE_SQL,
    REFRESH_SIGNATURE_SQL,
    SET_GENERATION_SQL,
)
from petition.signatures.validation import Details

MAX_EMAILS_PER_DAY = 5  # to one signature
MIN_EMAIL_INTERVAL = timedelta(minutes=1)  # between two emails to one signature
FORM_COLUMNS = (
    "party", "name", "organisation", "profession", "city", "postal_code", "country", "listed", "updates", "locale",
)  # fmt: skip


class PetitionClosed(InvalidTransition):
    """The petition cannot be signed now."""

    def __init__(self) -> None:
        super().__init__({"form": _("This can no longer be signed: it is closed.")})


def sign(petition: Petition, details: Details, source: str, network: str | None = None, busy: bool = False) -> None:
    """Record a signature and enqueue the email that its state calls for. Commits by itself.

    `source` is where it comes from (`page`, `api`); `network` the keyed hash of the client's network; `busy` says that
    the address reached its hourly limit of emails, so that this one is delayed.

    A new signature takes one autocommitted statement. One that exists already is locked and refreshed in a transaction.
    Idempotent per petition, party and mailbox, however many requests come at once: a unique constraint keeps one row.
    The caller learns nothing of what existed before. Raises `PetitionClosed`.
    """
    values = _column_values(petition, details, source, network)
    delivery = get_enqueue_parameters("confirm_signature", CONFIRMATIONS, _not_before(busy))
    while petition.is_open:
        values["version"] = petition.version
        if execute_autocommit(INSERT_SIGNATURE_SQL, values | delivery):
            wake_soon(CONFIRMATIONS.name)
            return
        existing = db.session.execute(LOCK_SIGNATURE_SQL, values).one_or_none()
        if existing is not None:
            _refresh_existing(petition.id, existing, values, busy)
            db.session.commit()
            return
        # Either the petition changed since it was read, or the signature was deleted just now: try with what is there.
        db.session.rollback()
        petition = read_detached(select(Petition).where(Petition.id == petition.id))[0]
    raise PetitionClosed


def _column_values(petition: Petition, details: Details, source: str, network: str | None) -> dict[str, Any]:
    now = clock.now()
    values: dict[str, Any] = {name: getattr(details, name) for name in FORM_COLUMNS}
    return values | {
        "email": details.address.typed,
        "email_canonical": details.address.canonical,
        "updates_wording_id": get_or_create_wording_id(petition, details.locale) if details.updates else None,
        "updates_at": now if details.updates else None,
        "requested_at": now,
        "source": source,
        "network": network,
        "petition_id": petition.id,
        "review": details.review,
    }


def _refresh_existing(petition_id: int, existing: Row[Any], values: dict[str, Any], busy: bool) -> None:
    """Refresh an existing signature as its state allows, and enqueue the email that it calls for, if any."""
    recent, send = get_todays_emails(existing.id), False
    kind, queue, not_before = "confirm_signature", CONFIRMATIONS, _not_before(busy)
    statement, columns = SET_GENERATION_SQL, {"generation": existing.generation}
    if existing.state == SignatureState.PENDING:
        send = may_send_email(recent)
        statement, columns = REFRESH_SIGNATURE_SQL, values | _pending_link_columns(existing, values, recent, send)
    elif existing.state == SignatureState.WITHDRAWN:
        send, generation = True, existing.generation + 1
        statement, columns = REFRESH_SIGNATURE_SQL, values | {"generation": generation, "valid_from": generation}
        not_before = _not_before(busy, daily_limit_reached=recent.emails >= MAX_EMAILS_PER_DAY)
    elif existing.state == SignatureState.CONFIRMED and may_send_email(recent) and not busy:
        send, columns = True, {"generation": existing.generation + 1}
        kind, queue, not_before = "already_signed", NOTIFICATIONS, None
    # Disowned, invalidated, or emailed a moment ago: nothing changes and nothing is sent. The same statements run all
    # the same, on no row, so that response time does not reveal the signature's state.
    changes_row = send or statement is REFRESH_SIGNATURE_SQL
    db.session.execute(statement, columns | {"id": existing.id if changes_row else 0})
    entries = [OutboxEntry(petition_id, existing.id, columns["generation"])] if send else []
    enqueue(kind, queue, entries, not_before=not_before)


def _pending_link_columns(
    existing: Row[Any], values: dict[str, Any], recent: RecentEmails, send: bool
) -> dict[str, int]:
    """Return which links of a pending signature are valid once its details are refreshed."""
    changed = any(getattr(existing, name) != values[name] for name in (*FORM_COLUMNS, "email"))
    generation = existing.generation + 1 if send else existing.generation
    # Changed details void earlier links, once an email with the changed details follows: a new one, or one that waits.
    void_earlier_links = changed and (send or recent.has_waiting)
    return {"generation": generation, "valid_from": generation if void_earlier_links else existing.valid_from}


def _not_before(busy: bool, daily_limit_reached: bool = False) -> datetime | None:
    """Return until when a confirmation email is delayed: a flood is slowed down, and no email is lost."""
    if daily_limit_reached:
        return clock.now() + timedelta(days=1)
    return clock.now() + timedelta(hours=1) if busy else None


def enqueue_confirmation(signature: Signature, busy: bool, daily_limit_reached: bool = False) -> None:
    """Enqueue the confirmation email, delayed if the address is busy or the signature reached its limit. Flushes."""
    db.session.flush()
    not_before = _not_before(busy, daily_limit_reached)
    enqueue("confirm_signature", CONFIRMATIONS, [make_outbox_entry(signature)], not_before=not_before)


def get_todays_emails(signature_id: int) -> RecentEmails:
    """Return the emails that were enqueued for a signature in the last 24 hours, mailings apart."""
    return get_recent_emails(signature_id, (CONFIRMATIONS, NOTIFICATIONS), clock.now() - timedelta(days=1))


def may_send_email(recent: RecentEmails) -> bool:
    """Return whether a signature may get one more email: none waits, none left within a minute, not too many today."""
    interval_passed = recent.last_at is None or recent.last_at < clock.now() - MIN_EMAIL_INTERVAL
    return not recent.has_waiting and interval_passed and recent.emails < MAX_EMAILS_PER_DAY


def enqueue_email(signature: Signature, kind: str, queue: Queue) -> None:
    """Enqueue one more email to the owner of a signature, with a new link. Flushes."""
    signature.generation += 1
    db.session.flush()
    enqueue(kind, queue, [make_outbox_entry(signature)])


def make_outbox_entry(signature: Signature) -> OutboxEntry:
    """Return the recipient of a signature's next email, for `enqueue`."""
    return OutboxEntry(signature.petition_id, signature.id, signature.generation)
