"""Record that somebody signs, and owe them the email that lets them confirm."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Boolean, Row, literal_column
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.delivery.lanes import CONFIRMATIONS, NOTICES, Lane
from petition.delivery.post import Owed, Recent, post, recently_posted
from petition.petitions.models import Petition
from petition.safeguards.throttle import address_is_busy
from petition.signatures.consent import wording_id
from petition.signatures.details import Details
from petition.signatures.models import CONFIRMED, PENDING, WITHDRAWN, Signature

EMAILS_A_DAY = 5  # to one signature
PAUSE = timedelta(minutes=1)  # between two emails to one signature


def sign(petition: Petition, details: Details, source: str, network: str | None = None) -> None:
    """Make the signature pending, or refresh it, and owe its owner the email that its state calls for.

    `network`: the keyed hash of the one it was asked from. Idempotent per petition, party and mailbox, however many
    requests come at once: the database keeps one row. Says nothing of what was there before. Flushes, does not commit.
    Raises `Refusal` when the petition is not open.
    """
    if not petition.is_open:
        raise Refusal({"form": "closed"})
    signature, is_new = _upsert(petition, details, source, network)
    recent = mails_today(signature)
    busy = address_is_busy(details.address.canonical)
    if signature.state in (PENDING, WITHDRAWN):
        signature.network = network
    if is_new or (signature.state == PENDING and _sign_again(signature, details, recent)):
        owe_link(signature, busy)
    elif signature.state == WITHDRAWN:
        _start_over(signature, details)
        owe_link(signature, busy, enough=recent.emails >= EMAILS_A_DAY)
    elif signature.state == CONFIRMED and may_mail(recent) and not busy:
        mail(signature, "already_signed", NOTICES)
    else:
        # Disowned, invalidated: nothing is sent, ever, and nobody is told.
        _owe_nothing(signature)


def _upsert(petition: Petition, details: Details, source: str, network: str | None) -> tuple[Signature, bool]:
    """Insert the row or lock the one that is there; the database decides between requests that come at once."""
    values = {
        "petition_id": petition.id,
        "state": PENDING,
        "email_canonical": details.address.canonical,
        "source": source,
        "network": network,
        "generation": 1,
        "valid_from": 1,
        **_columns(petition, details),
    }
    statement = insert(Signature).values(values)
    statement = statement.on_conflict_do_update(
        index_elements=["petition_id", "party", "email_canonical"], set_={"party": statement.excluded.party}
    )
    row: Row[int, bool] = db.session.execute(
        statement.returning(Signature.id, literal_column("xmax = 0", Boolean))
    ).one()
    signature_id, is_new = row
    signature = db.session.get(Signature, signature_id, populate_existing=True)
    assert signature is not None  # the upsert locked it
    return signature, is_new


def _columns(petition: Petition, details: Details) -> dict[str, Any]:
    names = (
        "party",
        "name",
        "organisation",
        "profession",
        "city",
        "postal_code",
        "country",
        "listed",
        "updates",
        "locale",
    )
    columns: dict[str, Any] = {name: getattr(details, name) for name in names}
    columns["email"] = details.address.typed
    columns["updates_wording_id"] = wording_id(petition, details.locale) if details.updates else None
    columns["updates_at"] = clock.now() if details.updates else None
    return columns


def _sign_again(signature: Signature, details: Details, recent: Recent) -> bool:
    """Refresh a pending signature, and say whether it is owed another link."""
    columns = _columns(signature.petition, details)
    shown = set(columns) - {"updates_at", "updates_wording_id"}
    changed = any(getattr(signature, name) != columns[name] for name in shown)
    for name, value in columns.items():
        setattr(signature, name, value)
    signature.requested_at = clock.now()
    mailing = may_mail(recent)
    if mailing:
        signature.generation += 1
    if changed and (mailing or recent.one_waits):
        # Other details deserve another link; the one that has not left yet will show them.
        signature.valid_from = signature.generation
    return mailing


def _start_over(signature: Signature, details: Details) -> None:
    for name, value in _columns(signature.petition, details).items():
        setattr(signature, name, value)
    signature.state, signature.ended_at, signature.confirmed_at, signature.confirmed_no = (
        PENDING,
        None,
        None,
        None,
    )
    signature.requested_at, signature.reminded_at = clock.now(), None
    signature.generation += 1
    signature.valid_from = signature.generation


def owe_link(signature: Signature, busy: bool, enough: bool = False) -> None:
    """Owe the link to confirm; later where the address is busy, or had `enough` today. Flushes."""
    # An address that is asked about more than its share is mailed later: a flood is slowed, no signature is lost.
    wait = timedelta(days=1) if enough else timedelta(hours=1)
    later = clock.now() + wait if busy or enough else None
    db.session.flush()
    post("confirm_signature", CONFIRMATIONS, [owed(signature)], not_before=later)


def _owe_nothing(signature: Signature) -> None:
    """Do the work of owing an email and take it back, so that the time an answer takes tells nothing either."""
    db.session.flush()
    savepoint = db.session.begin_nested()
    post("confirm_signature", CONFIRMATIONS, [Owed(signature.petition_id, signature.id, 0)])
    savepoint.rollback()


def mails_today(signature: Signature) -> Recent:
    """Return what emails this signature was owed in the last 24 hours, mailings apart."""
    return recently_posted(signature.id, (CONFIRMATIONS, NOTICES), clock.now() - timedelta(days=1))


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
