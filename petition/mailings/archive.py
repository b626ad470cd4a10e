"""A mailing for everybody to read, once it was sent and the team wished so."""

from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.errors import Gone
from petition.mailings import life
from petition.mailings.emails import language_for
from petition.mailings.models import SENDING, SENT, Mailing
from petition.mailings.placeholders import LINKS, expand
from petition.petitions.count import count_of
from petition.petitions.markdown import to_html
from petition.petitions.models import Petition
from petition.petitions.view import view
from petition.signatures.links import petition_url

SHOWN = (SENDING, SENT)


def find(mailing_id: int) -> Mailing:
    """Return a public mailing. Raises `Gone`."""
    mailing = life.find(mailing_id)
    if not mailing.public or mailing.state not in SHOWN:
        raise Gone({"mailing": "there is no such page"})
    return mailing


def shown(mailing: Mailing, language: str) -> dict[str, Any]:
    """Return what a stranger may read of a mailing: its words, with what was personal left out."""
    petition = db.session.scalars(select(Petition).where(Petition.id == mailing.segment["petitions"][0])).one()
    text = language_for(mailing, language, petition)
    page = petition_url(petition.slug, text.language)
    values = {
        "petition": petition.text_in(text.language).title,
        "count": f"{count_of(petition).confirmed:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
        "sender": mailing.sender_name,
        **dict.fromkeys(LINKS, page),
    }
    return {
        "petition": view(petition, language),
        # "Hello {{ name }}," without a name.
        "subject": expand(text.subject, values).replace(" ,", ",").strip(" ,"),
        "body": to_html(expand(text.body, values).replace(" ,", ",")),
        "language": text.language,
        "sender_name": mailing.sender_name,
        "sent_on": mailing.started_at.date() if mailing.started_at else None,
    }
