"""Record that somebody signs, and owe them the email that lets them confirm."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, TextClause, text

from petition.core import clock
from petition.core.db import at_once, db
from petition.core.errors import Refusal
from petition.delivery.doorbell import ring_soon
from petition.delivery.lanes import CONFIRMATIONS, NOTICES, Lane
from petition.delivery.post import INSERT, Owed, Recent, post, recently_posted, terms, terms_at_once
from petition.petitions.models import Petition
from petition.petitions.publish import find
from petition.signatures.consent import wording_id
from petition.signatures.details import Details
from petition.signatures.models import CONFIRMED, PENDING, WITHDRAWN, Signature

EMAILS_A_DAY = 5  # to one signature
PAUSE = timedelta(minutes=1)  # between two emails to one signature
TYPED = (
    "party", "name", "organisation", "profession", "city", "postal_code", "country", "listed", "updates", "locale",
)  # fmt: skip
DETAILS = (*TYPED, "email", "updates_wording_id", "updates_at")  # what signing again refreshes
COLUMNS = (*DETAILS, "email_canonical", "source", "network")
# Somebody who had withdrawn signs again.
START_OVER: dict[str, Any] = {
    "state": PENDING, "ended_at": None, "confirmed_at": None, "confirmed_no": None, "reminded_at": None,
}  # fmt: skip


def _signing(conflict: str, owed: str, returned: str) -> TextClause:
    """Return the statement that inserts a signature with the link that it is owed.

    Of a petition that is still what it was when it was read.
    """
    return text(f"""
        WITH signed AS (
            INSERT INTO signatures (petition_id, state, generation, valid_from, {", ".join(COLUMNS)})
            SELECT id, '{PENDING}', 1, 1, {", ".join(f":{name}" for name in COLUMNS)}
            FROM petitions WHERE id = :petition_id AND version = :version
            ON CONFLICT (petition_id, party, email_canonical) DO {conflict}
            RETURNING *, xmax = 0 AS is_new),
        owed AS (SELECT petition_id, id, generation FROM signed WHERE {owed}),
        posted AS ({INSERT})
        SELECT {returned} FROM signed
    """)  # noqa: S608 - constants


SIGN_AT_ONCE = _signing("NOTHING", "true", "id")
# The row that is there already is locked, by an update that changes nothing.
SIGN = _signing(
    "UPDATE SET party = excluded.party",
    "is_new",
    f"id, state, generation, valid_from, {', '.join(TYPED)}, email, is_new",
)


def sign(petition: Petition, details: Details, source: str, network: str | None = None, busy: bool = False) -> None:
    """Make the signature pending, or refresh it, and owe its owner the email that its state calls for.

    `network`: the keyed hash of the one it was asked from; `busy`: the address had its share of emails, so that this
    one waits. Idempotent per petition, party and mailbox, however many requests come at once: the database keeps one
    row. Says nothing of what was there before, and does about the same work. Flushes, does not commit. Raises `Refusal`
    when the petition is not open.
    """
    _sign(petition, _values(petition, details, source, network), busy)


def sign_at_once(petition: Petition, details: Details, source: str, network: str | None, busy: bool) -> None:
    """Do what `sign` does, for good: a signature that is new takes one statement, others a transaction. Commits."""
    values = _values(petition, details, source, network)
    link = terms_at_once("confirm_signature", CONFIRMATIONS, _later(busy))
    if petition.is_open and at_once(SIGN_AT_ONCE, values | link):
        ring_soon(CONFIRMATIONS.name)
        return
    _sign(petition, values, busy)
    db.session.commit()


def _sign(petition: Petition, values: dict[str, Any], busy: bool) -> None:
    signature = _take(petition, values | terms("confirm_signature", CONFIRMATIONS, _later(busy)))
    if not signature.is_new:
        columns = {name: values[name] for name in (*DETAILS, "network")} | {"requested_at": clock.now()}
        _sign_again(petition, signature, columns, busy)


def _values(petition: Petition, details: Details, source: str, network: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(details, name) for name in TYPED}
    return values | {
        "email": details.address.typed,
        "email_canonical": details.address.canonical,
        "updates_wording_id": wording_id(petition, details.locale) if details.updates else None,
        "updates_at": clock.now() if details.updates else None,
        "source": source,
        "network": network,
        "petition_id": petition.id,
        "version": petition.version,
    }


def _take(petition: Petition, values: dict[str, Any]) -> Row[Any]:
    """Insert the row or lock the one that is there; the database decides between requests that come at once."""
    while petition.is_open:
        row = db.session.execute(SIGN, values | {"version": petition.version}).one_or_none()
        if row is not None:
            return row
        petition = find(petition.slug, lock=True)  # it changed since it was read
    raise Refusal({"form": "closed"})


def _sign_again(petition: Petition, signature: Row[Any], columns: dict[str, Any], busy: bool) -> None:
    """Refresh the signature that is there, as its state allows, and owe the email that it calls for, if any."""
    recent, changes = mails_today(signature.id), {}
    kind, lane, later = "confirm_signature", CONFIRMATIONS, _later(busy)
    if signature.state == PENDING:
        changes = columns | _links(signature, columns, recent)
    elif signature.state == WITHDRAWN:
        changes = columns | START_OVER | _next_link(signature, void=True)
        later = _later(busy, enough=recent.emails >= EMAILS_A_DAY)
    elif signature.state == CONFIRMED and may_mail(recent) and not busy:
        changes = _next_link(signature)
        kind, lane, later = "already_signed", NOTICES, None
    # Disowned, invalidated, mailed a moment ago: nothing changes, nothing is sent, and it takes as long.
    _change(signature.id, changes)
    generation = changes.get("generation")
    post(kind, lane, [Owed(petition.id, signature.id, generation)] if generation else [], not_before=later)


def _links(signature: Row[Any], columns: dict[str, Any], recent: Recent) -> dict[str, Any]:
    """Return what becomes of the links of a pending signature: with a `generation` if another is owed."""
    changed = any(getattr(signature, name) != columns[name] for name in (*TYPED, "email"))
    if may_mail(recent):
        # Other details deserve another link.
        return _next_link(signature, void=changed)
    # The one that has not left yet will show them.
    return {"valid_from": signature.generation} if changed and recent.one_waits else {}


def _next_link(signature: Row[Any], void: bool = False) -> dict[str, int]:
    """Return the columns that number one more link; `void`: those before it no longer hold."""
    generation = signature.generation + 1
    return {"generation": generation, "valid_from": generation if void else signature.valid_from}


def _change(signature_id: int, changes: dict[str, Any]) -> None:
    # Of no row where nothing changes: how long an answer takes tells nothing.
    values = {"id": signature_id, **changes} if changes else {"id": 0, "source": ""}
    db.session.execute(_changing(tuple(values)), values)


@cache
def _changing(names: tuple[str, ...]) -> TextClause:
    # Plain, as it is the way of many; each column is named above.
    assigned = ", ".join(f"{name} = :{name}" for name in names if name != "id")
    return text(f"UPDATE signatures SET {assigned} WHERE id = :id")  # noqa: S608 - constants


def _later(busy: bool, enough: bool = False) -> datetime | None:
    """Return until when a link waits whose address is busy or had `enough` today: a flood is slowed, none is lost."""
    wait = timedelta(days=1) if enough else timedelta(hours=1)
    return clock.now() + wait if busy or enough else None


def owe_link(signature: Signature, busy: bool, enough: bool = False) -> None:
    """Owe the link to confirm; later where the address is busy, or had `enough` today. Flushes."""
    db.session.flush()
    post("confirm_signature", CONFIRMATIONS, [owed(signature)], not_before=_later(busy, enough))


def mails_today(signature_id: int) -> Recent:
    """Return what emails a signature was owed in the last 24 hours, mailings apart."""
    return recently_posted(signature_id, (CONFIRMATIONS, NOTICES), clock.now() - timedelta(days=1))


def may_mail(recent: Recent) -> bool:
    """Say whether one more email to a signature is welcome: none waits, none left a minute ago, not too many today."""
    rested = recent.last_at is None or recent.last_at < clock.now() - PAUSE
    return not recent.one_waits and rested and recent.emails < EMAILS_A_DAY


def mail(signature: Signature, kind: str, lane: Lane) -> None:
    """Owe the owner of a signature one more email, with a link of its own. Flushes."""
    signature.generation += 1
    db.session.flush()
    post(kind, lane, [owed(signature)])


def owed(signature: Signature) -> Owed:
    """Return whom the signature's next email is owed to."""
    return Owed(signature.petition_id, signature.id, signature.generation)
