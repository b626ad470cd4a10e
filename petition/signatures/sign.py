"""Record that somebody signs, and owe them the email that lets them confirm."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text, update

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.delivery.lanes import CONFIRMATIONS, NOTICES, Lane
from petition.delivery.post import INSERT, Owed, Recent, post, recently_posted, terms
from petition.petitions.models import Petition
from petition.petitions.publish import find
from petition.safeguards.throttle import address_is_busy
from petition.signatures.consent import wording_id
from petition.signatures.details import Details
from petition.signatures.models import CONFIRMED, PENDING, WITHDRAWN, Signature

EMAILS_A_DAY = 5  # to one signature
PAUSE = timedelta(minutes=1)  # between two emails to one signature
TYPED = (
    "party", "name", "organisation", "profession", "city", "postal_code", "country", "listed", "updates", "locale",
)  # fmt: skip
COLUMNS = (*TYPED, "email", "email_canonical", "updates_wording_id", "updates_at", "source", "network")
# Somebody who had withdrawn signs again.
START_OVER: dict[str, Any] = {
    "state": PENDING, "ended_at": None, "confirmed_at": None, "confirmed_no": None, "reminded_at": None,
}  # fmt: skip
# One plain statement, as it is the way of every signature, with the link that a new one is owed. Of a petition that is
# still what it was when it was read. The row that is there already is locked, by an update that changes nothing.
SIGN = text(f"""
    WITH signed AS (
        INSERT INTO signatures (petition_id, state, generation, valid_from, {", ".join(COLUMNS)})
        SELECT id, '{PENDING}', 1, 1, {", ".join(f":{name}" for name in COLUMNS)}
        FROM petitions WHERE id = :petition_id AND version = :version
        ON CONFLICT (petition_id, party, email_canonical) DO UPDATE SET party = excluded.party
        RETURNING *, xmax = 0 AS is_new),
    owed AS (SELECT petition_id, id, generation FROM signed WHERE is_new),
    posted AS ({INSERT})
    SELECT id, state, generation, valid_from, {", ".join(TYPED)}, email, is_new FROM signed
""")  # noqa: S608 - constants


def sign(petition: Petition, details: Details, source: str, network: str | None = None) -> None:
    """Make the signature pending, or refresh it, and owe its owner the email that its state calls for.

    `network`: the keyed hash of the one it was asked from. Idempotent per petition, party and mailbox, however many
    requests come at once: the database keeps one row. Says nothing of what was there before, and does about the same
    work. Flushes, does not commit. Raises `Refusal` when the petition is not open.
    """
    if not petition.is_open:
        raise Refusal({"form": "closed"})
    columns, busy = _columns(petition, details), address_is_busy(details.address.canonical)
    values = columns | {"email_canonical": details.address.canonical, "source": source, "network": network}
    signature = _take(petition, values | terms("confirm_signature", CONFIRMATIONS, _later(busy)))
    if not signature.is_new:
        _sign_again(petition, signature, columns | {"network": network, "requested_at": clock.now()}, busy)


def _take(petition: Petition, values: dict[str, Any]) -> Row[Any]:
    """Insert the row or lock the one that is there; the database decides between requests that come at once."""
    while petition.is_open:
        row = db.session.execute(SIGN, values | {"petition_id": petition.id, "version": petition.version}).one_or_none()
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


def _columns(petition: Petition, details: Details) -> dict[str, Any]:
    columns: dict[str, Any] = {name: getattr(details, name) for name in TYPED}
    columns["email"] = details.address.typed
    columns["updates_wording_id"] = wording_id(petition, details.locale) if details.updates else None
    columns["updates_at"] = clock.now() if details.updates else None
    return columns


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
    statement = update(Signature).where(Signature.id == (signature_id if changes else 0))
    values = changes or {"source": Signature.source}
    db.session.execute(statement.values(values).execution_options(synchronize_session=False))


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
