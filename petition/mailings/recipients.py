"""The recipients of a mailing, and the outcome of each delivery."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.ids import find_by_id
from petition.core.pagination import Page, make_page, select_page
from petition.delivery.models import STATES, Attempt, Delivery
from petition.mailings.models import Unsubscription
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.signatures.models import Signature
from petition.signatures.staff.team_view import IS_SEEN, for_team, unless_hidden

PAGE_SIZE = 50


@dataclass(frozen=True)
class Recipient:
    """One recipient's delivery, with every attempt to send it. The signature is None once it was erased."""

    delivery: Delivery
    signature: Any
    attempts: list[Attempt]
    unsubscription: Unsubscription | None


def _select_recipients(mailing_id: int) -> Any:
    query: Any = select(Delivery, unless_hidden(Signature.name), unless_hidden(Signature.email), Signature.id)
    return query.outerjoin(Signature, Signature.id == Delivery.subject_id).where(Delivery.mailing_id == mailing_id)


def list_page(mailing_id: int, state: str, cursor: int | None) -> Page[Any]:
    """Return a page of the recipients in a state, each as (delivery, name, address, signature's id)."""
    query = _select_recipients(mailing_id).where(Delivery.state == state)
    query = select_page(query, Delivery.id, cursor=cursor, limit=PAGE_SIZE, descending=False)
    return make_page(db.session.execute(query).all(), PAGE_SIZE, lambda row: int(row[0].id))


def list_first(mailing_id: int) -> list[Any]:
    """Return the first recipients, state by state, each as (delivery, name, address, signature's id)."""
    rows: list[Any] = []
    # By state, as the index has them: in one order over all states, millions of rows would be sorted.
    for state in STATES:
        if len(rows) < PAGE_SIZE:
            rows += list_page(mailing_id, state, None).items
    return rows[:PAGE_SIZE]


def find_by_address(mailing_id: int, address: str) -> list[Any]:
    """Return the recipients with an address, each as (delivery, name, address, signature's id)."""
    try:
        canonical = parse_email_address(address).canonical
    except BadAddress:
        return []
    query = _select_recipients(mailing_id).where(Signature.email_canonical == canonical, IS_SEEN)
    return list(db.session.execute(query).all())


def get_recipient(mailing_id: int, delivery_id: int) -> Recipient:
    """Return one recipient. Raises `NotFound`."""
    delivery = find_by_id(Delivery, delivery_id)
    if delivery is None or delivery.mailing_id != mailing_id:
        raise NotFound({"recipient": "there is no such recipient"})
    attempts = select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(Attempt.id)
    unsubscription = select(Unsubscription).where(
        Unsubscription.mailing_id == mailing_id, Unsubscription.delivery_id == delivery.id
    )
    signature = db.session.get(Signature, delivery.subject_id)
    return Recipient(
        delivery,
        for_team(signature) if signature else None,
        list(db.session.scalars(attempts)),
        db.session.scalar(unsubscription),
    )
