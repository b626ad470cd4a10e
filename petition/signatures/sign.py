"""Record that somebody signs, and owe them the email that lets them confirm."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text, update

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.delivery.lanes import CONFIRMATIONS, NOTICES, Lane
from petition.delivery.post import Owed, Recent, post, recently_posted
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
# Plain, as it is the way of every signature. Of a petition that is still what it was when it was read; an old signature
# is locked by an update that changes nothing.
UPSERT = text(f"""
    INSERT INTO signatures (petition_id, state, generation, valid_from, {", ".join(COLUMNS)})
    SELECT id, '{PENDING}', 1, 1, {", ".join(f":{name}" for name in COLUMNS)}
    FROM petitions WHERE id = :petition_id AND version = :version
    ON CONFLICT (petition_id, party, email_canonical) DO UPDATE SET party = excluded.party
    RETURNING id, state, generation, valid_from, {", ".join(TYPED)}, email, xmax = 0 AS is_new
""")  # noqa: S608 - constants


def sign(petition: Petition, details: Details, source: str, network: str | None = None) -> None:
    """Make the signature pending, or refresh it, and owe its owner the email that its state calls for.

    `network`: the keyed hash of the one it was asked from. Idempotent per petition, party and mailbox, however many
    requests come at once: the database keeps one row. Says nothing of what was there before, and does about the same
    work. Flushes, does not commit. Raises `Refusal` when the petition is not open.
    """
    columns = _columns(petition, details)
    signature = _upsert(petition, {**columns, "source": source, "network": network}, details.address.canonical)
    busy = address_is_busy(details.address.canonical)
    owed = [Owed(petition.id, signature.id, signature.generation + (0 if signature.is_new else 1))]
    kind, lane, later, changes = "confirm_signature", CONFIRMATIONS, _later(busy), {}
    if not signature.is_new:
        recent = mails_today(signature.id)
        if signature.state in (PENDING, WITHDRAWN):
            changes = {**columns, "network": network, "requested_at": clock.now()}
        if signature.state == PENDING:
            changes |= _links(signature, columns, recent)
        elif signature.state == WITHDRAWN:
            changes |= START_OVER | _next_link(signature, void=True)
            later = _later(busy, enough=recent.emails >= EMAILS_A_DAY)
        elif signature.state == CONFIRMED and may_mail(recent) and not busy:
            changes = _next_link(signature)
            kind, lane, later = "already_signed", NOTICES, None
        if "generation" not in changes:
            # Disowned, invalidated, mailed a moment ago: nothing is sent, and nobody is told.
            owed = []
        _change(signature.id, changes)
    post(kind, lane, owed, not_before=later)


def _upsert(petition: Petition, columns: dict[str, Any], canonical: str) -> Row[Any]:
    """Insert the row or lock the one that is there; the database decides between requests that come at once.

    Returns the row as it is, and whether it `is_new`. Raises `Refusal` when the petition is not open.
    """
    while petition.is_open:
        values = columns | {"petition_id": petition.id, "version": petition.version, "email_canonical": canonical}
        row = db.session.execute(UPSERT, values).one_or_none()
        if row is not None:
            return row
        petition = find(petition.slug, lock=True)  # it changed since it was read
    raise Refusal({"form": "closed"})


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
