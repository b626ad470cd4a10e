"""The words beside the box for updates, and the record of who agreed to which."""

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.petitions.models import Petition
from petition.signatures.models import ConsentWording

VERSION = "2026-11"  # change it whenever the words below change
WORDING_CACHE_TTL_SECONDS = 60.0  # seconds; a record never changes


def consent_wording(petition: Petition) -> str:
    """Return the words shown beside the box, in the language in force."""
    return _(
        "Send me news of this campaign by email, from %(sender)s. Every message has a link to stop them.",
        sender=petition.sender_name,
    )


def get_or_create_wording_id(petition: Petition, locale: str) -> int:
    """Return the record of the words that this signer was shown, kept once."""
    found: int = get_or_create(
        ("wording", locale, petition.sender_name), lambda: _find_or_insert(petition, locale), WORDING_CACHE_TTL_SECONDS
    )
    return found


def _find_or_insert(petition: Petition, locale: str) -> int:
    with force_locale(locale):
        values = {"version": VERSION, "language": locale, "text": consent_wording(petition)[:600]}
    query = select(ConsentWording.id).filter_by(**values)
    found = db.session.scalar(query)
    if found is None:
        # In a transaction of its own: signers who wait for each other's signature must not wait for this row as well.
        with db.engine.begin() as connection:
            connection.execute(insert(ConsentWording).values(values).on_conflict_do_nothing())
        found = db.session.scalar(query)
    assert found is not None  # inserted by us, or by the one we lost the race to
    return found
