"""Public pages of mailings that were sent, where the team chose so."""

from typing import Any

from babel.numbers import format_decimal
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.mailings import lifecycle
from petition.mailings.content.placeholders import LINK_PLACEHOLDERS, expand
from petition.mailings.emails import choose_text
from petition.mailings.models import Mailing, MailingState
from petition.petitions.counters import get_count
from petition.petitions.markdown import to_html
from petition.petitions.models import Petition
from petition.petitions.presenter import present
from petition.signatures.links import petition_url

PUBLIC_STATES = (MailingState.SENDING, MailingState.SENT)


def find_public(mailing_id: int) -> Mailing:
    """Return a public mailing. Raises `NotFound`."""
    mailing = lifecycle.find(mailing_id)
    if not mailing.public or mailing.state not in PUBLIC_STATES:
        raise NotFound({"mailing": "there is no such page"})
    return mailing


def build_public_page(mailing: Mailing, language: str) -> dict[str, Any]:
    """Return the values of the public page: the text, with every personal placeholder empty."""
    petition = db.session.scalars(select(Petition).where(Petition.id == mailing.segment["petitions"][0])).one()
    text = choose_text(mailing, language, petition)
    page = petition_url(petition.slug, text.language)
    values = {
        "petition": petition.text_in(text.language).title,
        "count": format_decimal(get_count(petition).confirmed, locale=text.language),
        "sender": mailing.sender_name,
        **dict.fromkeys(LINK_PLACEHOLDERS, page),
    }
    return {
        "petition": present(petition, language),
        "subject": _close_gaps(expand(text.subject, values)).strip(" ,"),
        "body": to_html(_close_gaps(expand(text.body, values))),
        "language": text.language,
        "sender_name": mailing.sender_name,
        "sent_on": mailing.started_at.date() if mailing.started_at else None,
    }


def _close_gaps(text: str) -> str:
    """Return a text without the gap that a name leaves: « Bonjour , », “Hola, :” become « Bonjour, », “Hola:”."""
    return text.replace(", :", ":").replace(" ,", ",").replace(" ،", "،")
