"""Stop the updates for the reader of a mailing: these, all of them, or the signature too."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core import tokens
from petition.core.db import db
from petition.core.errors import Gone
from petition.delivery.bounces.owners import finds_address, on_leaving
from petition.delivery.models import Delivery
from petition.mailings.emails import UNSUBSCRIBE
from petition.mailings.models import ALL, COMPLAINT, KIND, THESE, WITHDRAW, Mailing, Unsubscription
from petition.signatures.emails import address_of
from petition.signatures.models import CONFIRMED, DISOWNED, Signature
from petition.signatures.withdraw import receive_updates, withdraw


@dataclass(frozen=True)
class Reader:
    """Who holds an unsubscribe link, and what the mailing was. The signature is None once it was erased."""

    delivery: Delivery
    mailing: Mailing | None
    signature: Signature | None


def reader(token: str, *, lock: bool = False) -> Reader:
    """Return who holds a link; it never expires, whatever happened to the signature since. Raises `Gone`."""
    try:
        values = tokens.read(UNSUBSCRIBE, token)
    except tokens.BadToken:
        raise Gone({"token": "unknown"}) from None
    return reader_of(values[0] if len(values) == 1 and values[0] < 2**63 else 0, lock=lock)


def reader_of(delivery_id: int, *, lock: bool = False) -> Reader:
    """Return who got a mailing's delivery. Raises `Gone`."""
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is None or delivery.kind != KIND:
        raise Gone({"token": "unknown"})
    if lock:
        _lock_address(delivery.subject_id)
    signature = db.session.get(
        Signature, delivery.subject_id, with_for_update={"of": Signature} if lock else None, populate_existing=lock
    )
    if signature is not None and signature.state == DISOWNED:
        signature = None
    return Reader(delivery, db.session.get(Mailing, delivery.generation), signature)


def _lock_address(signature_id: int) -> None:
    """Hold every signature of an address, always in one order: two links that are pressed at once wait, no more."""
    address = select(Signature.email_canonical).where(Signature.id == signature_id).scalar_subquery()
    query = select(Signature.id).where(Signature.email_canonical == address).order_by(Signature.id)
    db.session.execute(query.with_for_update(of=Signature))


def unsubscribe(who: Reader, choice: str = THESE) -> None:
    """Stop the updates of what the mailing was about, of everything, or withdraw the signature as well.

    Counts once against the mailing, whatever is chosen and however often. Flushes, does not commit.
    """
    if who.signature is not None:
        for signature in _signatures(who, everything=choice in (ALL, COMPLAINT)):
            receive_updates(signature, False)
        if choice == WITHDRAW and who.signature.state == CONFIRMED:
            withdraw(who.signature)
    if who.mailing is not None:
        db.session.execute(
            insert(Unsubscription)
            .values(mailing_id=who.mailing.id, delivery_id=who.delivery.id, choice=choice)
            .on_conflict_do_nothing()
        )
    db.session.flush()


def _signatures(who: Reader, *, everything: bool) -> list[Signature]:
    """Return every signature of the reader's address that the choice is about: one press must be enough."""
    assert who.signature is not None
    query = select(Signature).where(Signature.email_canonical == who.signature.email_canonical, Signature.updates)
    if not everything:
        addressed = who.mailing.segment.get("petitions", []) if who.mailing else []
        query = query.where(Signature.petition_id.in_({*addressed, who.signature.petition_id}))
    return list(db.session.scalars(query.order_by(Signature.id).with_for_update(of=Signature)))


def is_stopped(who: Reader) -> bool:
    """Say whether the reader gets no more of these updates already."""
    return who.signature is None or not who.signature.updates


def leave(delivery_id: int, complaint: bool) -> None:
    """Stop the updates of a reader who asks for it by mail, or all of them if they reported the mailing as unwanted."""
    unsubscribe(reader_of(delivery_id, lock=True), COMPLAINT if complaint else THESE)


finds_address((KIND,), address_of)
on_leaving((KIND,), leave)
