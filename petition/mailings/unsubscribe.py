"""Unsubscribe a recipient: from updates on these petitions, from all, or withdraw the signature too."""

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.ids import MAX_ID
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import is_hash_of
from petition.mailings.emails import UNSUBSCRIBE_PURPOSE
from petition.mailings.models import MAILING_KIND, Mailing, UnsubscribeChoice, Unsubscription
from petition.signatures.models import Signature, SignatureState
from petition.signatures.partner_news.consents import has_agreed, stop_for_address
from petition.signatures.personal.self_service import set_updates, withdraw


class SubscriberForgotten(NotFound):
    """The link is one of ours, and nothing is kept of whom it was mailed to: there is nothing to stop."""


@dataclass(frozen=True)
class Subscriber:
    """The owner of an unsubscribe link, and the mailing it came in. The signature is None once erased or disowned."""

    delivery: Delivery
    mailing: Mailing | None
    signature: Signature | None


def find_by_token(token: str, *, lock: bool = False) -> Subscriber:
    """Return the owner of a link; it never expires, whatever happened to the signature since.

    Raises `NotFound`, and `SubscriberForgotten` where nothing is kept of the email that it came in.
    """
    try:
        values = tokens.read(UNSUBSCRIBE_PURPOSE, token)
    except tokens.BadToken:
        raise NotFound({"token": "unknown"}) from None
    delivery_id = values[0] if len(values) == 1 and values[0] <= MAX_ID else 0
    if delivery_id and db.session.get(Delivery, delivery_id) is None:
        raise SubscriberForgotten({"token": "nothing is kept of this email"})
    return find_by_delivery(delivery_id, lock=lock)


def find_by_delivery(delivery_id: int, *, lock: bool = False) -> Subscriber:
    """Return the recipient of a delivery. Raises `NotFound`."""
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
    """Lock every signature of an address, always in one order, so that concurrent requests cannot deadlock."""
    address = select(Signature.email_canonical).where(Signature.id == signature_id).scalar_subquery()
    query = select(Signature.id).where(Signature.email_canonical == address).order_by(Signature.id)
    db.session.execute(query.with_for_update(of=Signature))


def unsubscribe(subscriber: Subscriber, choice: str = UnsubscribeChoice.THESE) -> None:
    """Unsubscribe from the petitions of the mailing, from all, or withdraw the signature as well. Flushes.

    From a mailing of a partner: from that partner's news, on every petition, and from nobody else's.

    Counts once against the mailing, whatever the choice and however often.
    """
    if subscriber.signature is not None:
        everything = choice in (UnsubscribeChoice.ALL, UnsubscribeChoice.COMPLAINT)
        partner_id = subscriber.mailing.partner_id if subscriber.mailing else None
        if everything or partner_id:
            stop_for_address(subscriber.signature.email_canonical, None if everything else partner_id)
        if everything or not partner_id:
            for signature in _find_affected_signatures(subscriber, everything=everything):
                set_updates(signature, False)
        if choice == UnsubscribeChoice.WITHDRAW and subscriber.signature.is_confirmed:
            withdraw(subscriber.signature)
    if subscriber.mailing is not None:
        db.session.execute(
            insert(Unsubscription)
            .values(mailing_id=subscriber.mailing.id, delivery_id=subscriber.delivery.id, choice=choice)
            .on_conflict_do_nothing()
        )
    db.session.flush()


def _find_affected_signatures(subscriber: Subscriber, *, everything: bool) -> list[Signature]:
    """Return every signature of the address that the choice applies to: one request must be enough."""
    assert subscriber.signature is not None
    query = select(Signature).where(
        Signature.email_canonical == subscriber.signature.email_canonical, Signature.updates
    )
    if not everything:
        addressed = subscriber.mailing.segment.get("petitions", []) if subscriber.mailing else []
        query = query.where(Signature.petition_id.in_({*addressed, subscriber.signature.petition_id}))
    return list(db.session.scalars(query.order_by(Signature.id).with_for_update(of=Signature)))


def is_unsubscribed(subscriber: Subscriber) -> bool:
    """Say whether the recipient is unsubscribed from this news already."""
    if subscriber.signature is None:
        return True
    partner_id = subscriber.mailing.partner_id if subscriber.mailing else None
    if partner_id is None:
        return not subscriber.signature.updates
    return not has_agreed(subscriber.signature.id, partner_id)


def unsubscribe_by_email(delivery_id: int, complaint: bool) -> None:
    """Unsubscribe a recipient who asked by email; from all news if they reported the mailing as unwanted.

    It counts against the mailing in any case; the signature stays as it is if its address is another one since.
    """
    subscriber = find_by_delivery(delivery_id, lock=True)
    signature = subscriber.signature
    if signature is not None and not is_hash_of(subscriber.delivery.address_hash, signature.email):
        subscriber = replace(subscriber, signature=None)
    unsubscribe(subscriber, UnsubscribeChoice.COMPLAINT if complaint else UnsubscribeChoice.THESE)
