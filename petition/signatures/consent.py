"""The wording of the checkbox for updates, and the record of which wording a signer agreed to."""

import hashlib
from typing import NamedTuple

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.core.i18n import current_language
from petition.petitions.models import Petition
from petition.signatures.models import ConsentWording

VERSION = "2026-11"  # of our own wording: change it whenever the wording below changes
WORDING_CACHE_TTL_SECONDS = 60.0  # a recorded wording never changes


class Wording(NamedTuple):
    """What the checkbox says, the language that it is in, and which version of it this is."""

    version: str
    language: str
    text: str

    @property
    def digest(self) -> str:
        """Return a short hash, by which a form says which wording it showed."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()


def get_wording(petition: Petition, language: str) -> Wording:
    """Return the wording of the checkbox for readers of a language: the campaign's own if it has one, else ours.

    How to stop the updates is always said in our words.
    """
    text = petition.text_in(language)
    if text.consent:
        with force_locale(text.language):
            stop = _("Every message has a link to stop them.")
        return Wording(f"{petition.id}-{text.consent_version}", text.language, f"{text.consent} {stop}")
    with force_locale(language):
        ours = _(
            "Send me news of this campaign by email, from %(sender)s. Every message has a link to stop them.",
            sender=petition.sender_name,
        )
    return Wording(VERSION, language, ours)


def consent_wording(petition: Petition) -> Wording:
    """Return the wording of the checkbox for the language of the request."""
    return get_wording(petition, current_language())


def get_passing_on_wording(petition: Petition, language: str) -> Wording | None:
    """Return the wording of the box by which signers agree to be passed on; None where the petition does not ask."""
    if not petition.passes_on_to:
        return None
    with force_locale(language):
        words = _(
            "Pass on to %(organisation)s what I write here, with my email address. I can take this back on my "
            "personal page.",
            organisation=petition.passes_on_to,
        )
    return Wording(passing_on_version(petition.passes_on_to), language, words)


def passing_on_version(organisation: str) -> str:
    """Return the version of the wording that names an organisation: no consent is to be passed on to another one."""
    return "pass-on-" + hashlib.blake2b(organisation.encode(), digest_size=6).hexdigest()


def passing_on_wording(petition: Petition) -> Wording | None:
    """Return the wording of that box for the language of the request."""
    return get_passing_on_wording(petition, current_language())


def get_or_create_passing_on_wording_id(petition: Petition, locale: str) -> int | None:
    """Return the id of the wording by which signers agree to be passed on; None where the petition does not ask."""
    wording = get_passing_on_wording(petition, locale)
    return record_wording(wording) if wording else None


def is_passing_on_outdated(petition: Petition, language: str, digest: object) -> bool:
    """Say whether a form named another organisation than the present one, or other words."""
    wording = get_passing_on_wording(petition, language)
    return bool(digest) and (wording is None or digest != wording.digest)


def is_outdated(petition: Petition, language: str, digest: object) -> bool:
    """Say whether a form showed another wording than the present one; a client without our form says nothing."""
    return bool(digest) and digest != get_wording(petition, language).digest


def get_or_create_wording_id(petition: Petition, locale: str) -> int:
    """Return the id of the wording that signers see in a language; each wording is recorded once."""
    return record_wording(get_wording(petition, locale))


def record_wording(wording: Wording) -> int:
    """Return the id of a wording, which is recorded once."""
    wording_id: int = get_or_create(("wording", wording), lambda: _find_or_insert(wording), WORDING_CACHE_TTL_SECONDS)
    return wording_id


def _find_or_insert(wording: Wording) -> int:
    values = {**wording._asdict(), "text": wording.text[:600]}
    query = select(ConsentWording.id).filter_by(**values)
    wording_id = db.session.scalar(query)
    if wording_id is None:
        # In a transaction of its own, so that concurrent signers do not wait for each other's lock on this row.
        with db.engine.begin() as connection:
            connection.execute(insert(ConsentWording).values(values).on_conflict_do_nothing())
        wording_id = db.session.scalar(query)
    assert wording_id is not None  # inserted here, or by a concurrent request
    return wording_id
