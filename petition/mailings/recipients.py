"""Who was to get a mailing, and what became of each."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.delivery.models import STATES, Attempt, Delivery
from petition.mailings.models import Unsubscription
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.signatures.models import Signature

PAGE_SIZE = 50


@dataclass(frozen=True)
class Recipient:
    """One recipient's row, with every try to reach them. The signature is None once it was erased."""

    delivery: Delivery
    signature: Signature | None
    attempts: list[Attempt]
    unsubscribed: Unsubscription | None


def _select_recipients(mailing_id: int) -> Any:
    query: Any = select(Delivery, Signature.name, Signature.email)
    return query.outerjoin(Signature, Signature.id == Delivery.subject_id).where(Delivery.mailing_id == mailing_id)


def list_page(mailing_id: int, state: str = "", after: int = 0) -> list[Any]:
    """Return some recipients after a row, each as (delivery, name, address), of one state or of all, state by state."""
    states = [state] if state in STATES else list(STATES)
    found: list[Any] = []
    for each in states:
        query = _select_recipients(mailing_id).where(Delivery.state == each, Delivery.id > after).order_by(Delivery.id)
        found += db.session.execute(query.limit(PAGE_SIZE - len(found))).all()
        if len(found) >= PAGE_SIZE:
            break
    return found


def find_by_address(mailing_id: int, address: str) -> list[Any]:
    """Return the rows of one address, as (delivery, name, address)."""
    try:
        canonical = parse_email_address(address).canonical
    except BadAddress:
        return []
    return list(db.session.execute(_select_recipients(mailing_id).where(Signature.email_canonical == canonical)).all())


def get_recipient(mailing_id: int, delivery_id: int) -> Recipient:
    """Return one recipient. Raises `Gone`."""
    delivery = db.session.get(Delivery, delivery_id) if delivery_id < 2**63 else None
    if delivery is None or delivery.mailing_id != mailing_id:
        raise NotFound({"recipient": "there is no such recipient"})
    attempts = select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(Attempt.id)
    left = select(Unsubscription).where(
        Unsubscription.mailing_id == mailing_id, Unsubscription.delivery_id == delivery.id
    )
    signature = db.session.get(Signature, delivery.subject_id)
    return Recipient(delivery, signature, list(db.session.scalars(attempts)), db.session.scalar(left))
