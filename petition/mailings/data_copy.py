"""What the copy of a signer's data has of mailings: which ones were enqueued, and how they unsubscribed."""

from typing import Any

from sqlalchemy import select

from petition.core.db import any_of, db
from petition.delivery.models import Delivery
from petition.mailings.models import MAILING_KIND, Mailing, Unsubscription
from petition.signatures.models import Signature
from petition.signatures.personal.data_copy import to_dict


def list_mailings(signature: Signature) -> list[dict[str, Any]]:
    """Return the mailings to a signer, each with its subject in their language and how they unsubscribed by it."""
    query = select(Delivery.id, Delivery.generation).where(
        Delivery.subject_id == signature.id, Delivery.kind == MAILING_KIND
    )
    mailing_ids = {row.id: row.generation for row in db.session.execute(query.order_by(Delivery.id))}
    mailings = {
        mailing.id: mailing
        for mailing in db.session.scalars(select(Mailing).where(Mailing.id == any_of(mailing_ids.values())))
    }
    left = select(Unsubscription).where(
        Unsubscription.mailing_id == any_of(mailings), Unsubscription.delivery_id == any_of(mailing_ids)
    )
    unsubscriptions = {row.delivery_id: to_dict(row) for row in db.session.scalars(left)}
    return [
        {
            "delivery_id": delivery_id,
            "subject": _subject(mailings[mailing_id], signature.locale),
            "sender_name": mailings[mailing_id].sender_name,
            "unsubscription": unsubscriptions.get(delivery_id),
        }
        for delivery_id, mailing_id in mailing_ids.items()
        if mailing_id in mailings
    ]


def _subject(mailing: Mailing, language: str) -> str:
    text = mailing.texts.get(language) or next(iter(mailing.texts.values()), None)
    return text.subject if text else ""
