"""Stop the updates for the reader of a mailing: these, all of them, or the signature too."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.delivery.models import Delivery
from petition.mailings.emails import UNSUBSCRIBE_PURPOSE
from petition.mailings.models import MAILING_KIND, Mailing, UnsubscribeChoice, Unsubscription
from petition.signatures.models import Signature, SignatureState
from petition.signatures.self_service import set_updates, withdraw


@dataclass(frozen=True)
class Subscriber:
    """Who holds an unsubscribe link, and what the mailing was. The signature is None once it was erased."""

    delivery: Delivery
    mailing: Mailing | None
    signature: Signature | None


def find_by_token(token: str, *, lock: bool = False) -> Subscriber:
    """Return who holds a link; it never expires, whatever happened to the signature since. Raises `Gone`."""
    try:
        values = tokens.read(UNSUBSCRIBE_PURPOSE, token)
    except tokens.BadToken:
        raise NotFound({"token": "unknown"}) from None
    return find_by_delivery(values[0] if len(values) == 1 and values[0] < 2**63 else 0, lock=lock)


def find_by_delivery(delivery_id: int, *, lock: bool = False) -> Subscriber:
    """Return who got a mailing's delivery. Raises `Gone`."""
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is None or delivery.kind != MAILING_KIND:
        raise NotFound({"token": "unknown"})
    if lock:
        _lock_address(delivery.subject_id)
    signature = db.session.get(
        Signature, delivery.subject_id, with_for_update={"of": Signature} if lock else None, populate_existing=lock
    )
    if signature is not None and signature.state == SignatureState.DISOWNED:
        signature = None
    return Subscriber(delivery, db.session.get(Mailing, delivery.generation), signature)


def _lock_address(signature_id: int) -> None:
    """Hold every signature of an address, always in one order: two links that are pressed at once wait, no more."""
    address = select(Signature.email_canonical).where(Signature.id == signature_id).scalar_subquery()
    query = select(Signature.id).where(Signature.email_canonical == address).order_by(Signature.id)
    db.session.execute(query.with_for_update(of=Signature))


def unsubscribe(who: Subscriber, choice: str = UnsubscribeChoice.THESE) -> None:
    """Stop the updates of what the mailing was about, of everything, or withdraw the signature as well.

    Counts once against the mailing, whatever is chosen and however often. Flushes, does not commit.
    """
    if who.signature is not None:
        for signature in _find_affected_signatures(
            who, everything=choice in (UnsubscribeChoice.ALL, UnsubscribeChoice.COMPLAINT)
        ):
            set_updates(signature, False)
        if choice == UnsubscribeChoice.WITHDRAW and who.signature.state == SignatureState.CONFIRMED:
            withdraw(who.signature)
    if who.mailing is not None:
        db.session.execute(
            insert(Unsubscription)
            .values(mailing_id=who.mailing.id, delivery_id=who.delivery.id, choice=choice)
            .on_conflict_do_nothing()
        )
    db.session.flush()


def _find_affected_signatures(who: Subscriber, *, everything: bool) -> list[Signature]:
    """Return every signature of the reader's address that the choice is about: one press must be enough."""
    assert who.signature is not None
    query = select(Signature).where(Signature.email_canonical == who.signature.email_canonical, Signature.updates)
    if not everything:
        addressed = who.mailing.segment.get("petitions", []) if who.mailing else []
        query = query.where(Signature.petition_id.in_({*addressed, who.signature.petition_id}))
    return list(db.session.scalars(query.order_by(Signature.id).with_for_update(of=Signature)))


def is_unsubscribed(who: Subscriber) -> bool:
    """Say whether the reader gets no more of these updates already."""
    return who.signature is None or not who.signature.updates


def unsubscribe_by_email(delivery_id: int, complaint: bool) -> None:
    """Stop the updates of a reader who asks for it by mail, or all of them if they reported the mailing as unwanted."""
    unsubscribe(
        find_by_delivery(delivery_id, lock=True), UnsubscribeChoice.COMPLAINT if complaint else UnsubscribeChoice.THESE
    )
