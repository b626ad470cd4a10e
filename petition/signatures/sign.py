"""Record that somebody signs, and owe them the email that lets them confirm."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, TextClause, text

from petition.core import clock
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import ValidationError
from petition.delivery.outbox import (
    INSERT_DELIVERIES,
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
from petition.signatures.validation import Details

MAX_EMAILS_PER_DAY = 5  # to one signature
MIN_EMAIL_INTERVAL = timedelta(minutes=1)  # between two emails to one signature
FORM_COLUMNS = (
    "party", "name", "organisation", "profession", "city", "postal_code", "country", "listed", "updates", "locale",
)  # fmt: skip
REFRESHED_COLUMNS = (*FORM_COLUMNS, "email", "updates_wording_id", "updates_at")  # what signing again refreshes
INSERTED_COLUMNS = (*REFRESHED_COLUMNS, "email_canonical", "source", "network")
# Somebody who had withdrawn signs again.
RESET_VALUES: dict[str, Any] = {
    "state": SignatureState.PENDING, "ended_at": None, "confirmed_at": None, "confirmed_no": None, "reminded_at": None,
}  # fmt: skip


def _sign_statement(conflict: str, owed: str, returned: str) -> TextClause:
    """Return the statement that inserts a signature with the link that it is owed.

    Of a petition that is still what it was when it was read.
    """
    return text(f"""
        WITH signed AS (
            INSERT INTO signatures (petition_id, state, generation, valid_from, {", ".join(INSERTED_COLUMNS)})
            SELECT id, '{SignatureState.PENDING}', 1, 1, {", ".join(f":{name}" for name in INSERTED_COLUMNS)}
            FROM petitions WHERE id = :petition_id AND version = :version
            ON CONFLICT (petition_id, party, email_canonical) DO {conflict}
            RETURNING *, xmax = 0 AS is_new),
        owed AS (SELECT petition_id, id, generation FROM signed WHERE {owed}),
        posted AS ({INSERT_DELIVERIES})
        SELECT {returned} FROM signed
    """)  # noqa: S608 - constants


INSERT_SIGNATURE_SQL = _sign_statement("NOTHING", "true", "id")
# The row that is there already is locked, by an update that changes nothing.
INSERT_OR_LOCK_SIGNATURE_SQL = _sign_statement(
    "UPDATE SET party = excluded.party",
    "is_new",
    f"id, state, generation, valid_from, {', '.join(FORM_COLUMNS)}, email, is_new",
)


def sign(petition: Petition, details: Details, source: str, network: str | None = None, busy: bool = False) -> None:
    """Make the signature pending, or refresh it, and owe its owner the email that its state calls for.

    `network`: the keyed hash of the one it was asked from; `busy`: the address had its share of emails, so that this
    one waits. Idempotent per petition, party and mailbox, however many requests come at once: the database keeps one
    row. Says nothing of what was there before, and does about the same work. Flushes, does not commit. Raises `Refusal`
    when the petition is not open.
    """
    _sign_in_transaction(petition, _column_values(petition, details, source, network), busy)


def sign_at_once(petition: Petition, details: Details, source: str, network: str | None, busy: bool) -> None:
    """Do what `sign` does, for good: a signature that is new takes one statement, others a transaction. Commits."""
    values = _column_values(petition, details, source, network)
    link = get_enqueue_parameters("confirm_signature", CONFIRMATIONS, _not_before(busy))
    if petition.is_open and execute_autocommit(INSERT_SIGNATURE_SQL, values | link):
        wake_soon(CONFIRMATIONS.name)
        return
    _sign_in_transaction(petition, values, busy)
    db.session.commit()


def _sign_in_transaction(petition: Petition, values: dict[str, Any], busy: bool) -> None:
    signature = _insert_or_lock(
        petition, values | prepare_enqueue("confirm_signature", CONFIRMATIONS, _not_before(busy))
    )
    if not signature.is_new:
        columns = {name: values[name] for name in (*REFRESHED_COLUMNS, "network")} | {"requested_at": clock.now()}
        _refresh_existing(petition, signature, columns, busy)


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
    """Insert the row or lock the one that is there; the database decides between requests that come at once."""
    while petition.is_open:
        row = db.session.execute(INSERT_OR_LOCK_SIGNATURE_SQL, values | {"version": petition.version}).one_or_none()
        if row is not None:
            return row
        petition = find_by_slug(petition.slug, lock=True)  # it changed since it was read
    raise ValidationError({"form": "closed"})


def _refresh_existing(petition: Petition, signature: Row[Any], columns: dict[str, Any], busy: bool) -> None:
    """Refresh the signature that is there, as its state allows, and owe the email that it calls for, if any."""
    recent, changes = get_todays_emails(signature.id), {}
    kind, queue, later = "confirm_signature", CONFIRMATIONS, _not_before(busy)
    if signature.state == SignatureState.PENDING:
        changes = columns | _pending_link_columns(signature, columns, recent)
    elif signature.state == SignatureState.WITHDRAWN:
        changes = columns | RESET_VALUES | _next_link_columns(signature, void=True)
        later = _not_before(busy, enough=recent.emails >= MAX_EMAILS_PER_DAY)
    elif signature.state == SignatureState.CONFIRMED and may_send_email(recent) and not busy:
        changes = _next_link_columns(signature)
        kind, queue, later = "already_signed", NOTIFICATIONS, None
    # Disowned, invalidated, mailed a moment ago: nothing changes, nothing is sent, and it takes as long.
    _update_signature(signature.id, changes)
    generation = changes.get("generation")
    enqueue(kind, queue, [OutboxEntry(petition.id, signature.id, generation)] if generation else [], not_before=later)


def _pending_link_columns(signature: Row[Any], columns: dict[str, Any], recent: RecentEmails) -> dict[str, Any]:
    """Return what becomes of the links of a pending signature: with a `generation` if another is owed."""
    changed = any(getattr(signature, name) != columns[name] for name in (*FORM_COLUMNS, "email"))
    if may_send_email(recent):
        # Other details deserve another link.
        return _next_link_columns(signature, void=changed)
    # The one that has not left yet will show them.
    return {"valid_from": signature.generation} if changed and recent.has_waiting else {}


def _next_link_columns(signature: Row[Any], void: bool = False) -> dict[str, int]:
    """Return the columns that number one more link; `void`: those before it no longer hold."""
    generation = signature.generation + 1
    return {"generation": generation, "valid_from": generation if void else signature.valid_from}


def _update_signature(signature_id: int, changes: dict[str, Any]) -> None:
    # Of no row where nothing changes: how long an answer takes tells nothing.
    values = {"id": signature_id, **changes} if changes else {"id": 0, "source": ""}
    db.session.execute(_update_statement(tuple(values)), values)


@cache
def _update_statement(names: tuple[str, ...]) -> TextClause:
    # Plain, as it is the way of many; each column is named above.
    assigned = ", ".join(f"{name} = :{name}" for name in names if name != "id")
    return text(f"UPDATE signatures SET {assigned} WHERE id = :id")  # noqa: S608 - constants


def _not_before(busy: bool, enough: bool = False) -> datetime | None:
    """Return until when a link waits whose address is busy or had `enough` today: a flood is slowed, none is lost."""
    wait = timedelta(days=1) if enough else timedelta(hours=1)
    return clock.now() + wait if busy or enough else None


def enqueue_confirmation(signature: Signature, busy: bool, daily_limit_reached: bool = False) -> None:
    """Owe the link to confirm; later where the address is busy, or had `enough` today. Flushes."""
    db.session.flush()
    enqueue(
        "confirm_signature",
        CONFIRMATIONS,
        [make_outbox_entry(signature)],
        not_before=_not_before(busy, daily_limit_reached),
    )


def get_todays_emails(signature_id: int) -> RecentEmails:
    """Return what emails a signature was owed in the last 24 hours, mailings apart."""
    return get_recent_emails(signature_id, (CONFIRMATIONS, NOTIFICATIONS), clock.now() - timedelta(days=1))


def may_send_email(recent: RecentEmails) -> bool:
    """Say whether one more email to a signature is welcome: none waits, none left a minute ago, not too many today."""
    rested = recent.last_at is None or recent.last_at < clock.now() - MIN_EMAIL_INTERVAL
    return not recent.has_waiting and rested and recent.emails < MAX_EMAILS_PER_DAY


def enqueue_email(signature: Signature, kind: str, queue: Queue) -> None:
    """Owe the owner of a signature one more email, with a link of its own. Flushes."""
    signature.generation += 1
    db.session.flush()
    enqueue(kind, queue, [make_outbox_entry(signature)])


def make_outbox_entry(signature: Signature) -> OutboxEntry:
    """Return whom the signature's next email is owed to."""
    return OutboxEntry(signature.petition_id, signature.id, signature.generation)
