"""The wording of the checkbox for updates, and the record of which wording a signer agreed to."""

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.petitions.models import Petition
from petition.signatures.models import ConsentWording

VERSION = "2026-11"  # change it whenever the wording below changes
WORDING_CACHE_TTL_SECONDS = 60.0  # a recorded wording never changes


def consent_wording(petition: Petition) -> str:
    """Return the wording of the checkbox, in the language of the request."""
    return _(
        "Send me news of this campaign by email, from %(sender)s. Every message has a link to stop them.",
        sender=petition.sender_name,
    )


def get_or_create_wording_id(petition: Petition, locale: str) -> int:
    """Return the id of the wording that signers see in a language; each wording is recorded once."""
    key = ("wording", locale, petition.sender_name)
    wording_id: int = get_or_create(key, lambda: _find_or_insert(petition, locale), WORDING_CACHE_TTL_SECONDS)
    return wording_id


def _find_or_insert(petition: Petition, locale: str) -> int:
    with force_locale(locale):
        values = {"version": VERSION, "language": locale, "text": consent_wording(petition)[:600]}
    query = select(ConsentWording.id).filter_by(**values)
    wording_id = db.session.scalar(query)
    if wording_id is None:
        # In a transaction of its own, so that concurrent signers do not wait for each other's lock on this row.
        with db.engine.begin() as connection:
            connection.execute(insert(ConsentWording).values(values).on_conflict_do_nothing())
        wording_id = db.session.scalar(query)
    assert wording_id is not None  # inserted here, or by a concurrent request
    return wording_id
