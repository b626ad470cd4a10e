"""Consent to the news of each partner of a petition: its box on the form, its wording, its beginning and its end.

Nobody agrees to one partner's news by agreeing to another's, or to the team's: each has a box, words and proof of its
own. Of a petition without partners, nothing here reads the database.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from petition.backups import journal
from petition.backups.models import Act
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.i18n import current_language
from petition.petitions.models import Petition
from petition.petitions.partners.current import list_current
from petition.petitions.partners.models import Partner, Partnership
from petition.signatures.consent import Wording, record_wording
from petition.signatures.models import ConsentWording, Signature, SignatureState
from petition.signatures.partner_news.models import PartnerConsent
from petition.signatures.partner_news.queries import (
    END_CONSENTS_SQL,
    INSERT_CONSENTS_SQL,
    SELECT_CONSENTS_OF_ADDRESS_SQL,
    SELECT_CONSENTS_SQL,
    SELECT_PARTNERSHIPS_SQL,
)


class PartnerBox(NamedTuple):
    """The box for one partner's news, as a form shows it."""

    partnership_id: int
    key: str
    name: str
    wording: Wording

    @property
    def field(self) -> str:
        """The name of the box in the form and in the API."""
        return f"news_{self.key}"

    @property
    def wording_field(self) -> str:
        """The name of the hidden field that says which wording was shown."""
        return f"wording_{self.key}"


def get_wording(partnership: Partnership, language: str) -> Wording:
    """Return what a partner's box says in a language: the partner's own words if it has any, else ours."""
    with force_locale(language):
        if own := partnership.texts.get(language):
            words = f"{own} {_('Every message has a link to stop them.')}"
        else:
            words = _(
                "Send me news by email from %(sender)s. Every message has a link to stop them.",
                sender=partnership.partner.name,
            )
    return Wording(f"partner-{partnership.id}", language, words)


def list_boxes(petition: Petition, language: str | None = None) -> list[PartnerBox]:
    """Return the boxes of a petition's form, in the request's language by default; none without partners."""
    return [
        PartnerBox(row.id, row.partner.key, row.partner.name, get_wording(row, language or current_language()))
        for row in list_current(petition)
    ]


def find_box(petition: Petition, key: str, language: str) -> PartnerBox:
    """Return the box of one partner of a petition. Raises `NotFound`."""
    for box in list_boxes(petition, language):
        if box.key == key:
            return box
    raise NotFound({"partner": "there is no such partner"})


def record_choices(chosen: Sequence[PartnerBox] | None) -> dict[int, int] | None:
    """Return the ids of the wordings agreed to, by partnership; None of a petition without partners."""
    return None if chosen is None else {box.partnership_id: record_wording(box.wording) for box in chosen}


def get_agreed(signature_id: int) -> set[int]:
    """Return the partnerships whose news a signature agreed to."""
    return set(db.session.scalars(SELECT_CONSENTS_SQL, {"signature": signature_id}))


def insert_many(rows: Sequence[tuple[int, Mapping[Any, int], datetime]]) -> None:
    """Record consents, of each signature the wording by partnership, and when. One statement; none for no rows."""
    found = [
        (signature_id, int(partnership_id), wording_id, at)
        for signature_id, wordings, at in rows
        for partnership_id, wording_id in wordings.items()
    ]
    if found:
        names = ("signatures", "partnerships", "wordings", "times")
        db.session.execute(INSERT_CONSENTS_SQL, dict(zip(names, map(list, zip(*found, strict=True)), strict=True)))


def end(signature_ids: Collection[int], partnerships: Collection[int] | None = None) -> set[int]:
    """End the consents of signatures to some partnerships, or to all; return the signatures that had any."""
    values = {"signatures": list(signature_ids), "partnerships": None if partnerships is None else list(partnerships)}
    return set(db.session.scalars(END_CONSENTS_SQL, values)) if signature_ids else set()


def replace(signature_id: int, wanted: Mapping[Any, int], at: datetime, *, may_add: bool) -> None:
    """Make the consents of a signature those that a later form asks for.

    Without `may_add`, none is added: no link with the new details is on its way, and whoever confirms by an earlier one
    has not read them.
    """
    agreed, asked = get_agreed(signature_id), {int(partnership_id) for partnership_id in wanted}
    end([signature_id], agreed - asked)
    if may_add:
        added = {number: wording for number, wording in wanted.items() if int(number) not in agreed}
        insert_many([(signature_id, added, at)])


def set_news(signature: Signature, box: PartnerBox, enabled: bool) -> None:
    """Start or stop one partner's news, and record the wording agreed to. Only a confirmed signature can start them."""
    if enabled and signature.state == SignatureState.CONFIRMED and signature.restricted_at is None:
        insert_many([(signature.id, {box.partnership_id: record_wording(box.wording)}, clock.now())])
    elif not enabled and end([signature.id], [box.partnership_id]):
        journal.record(Act.UNSUBSCRIBED, signature.id, signature.email_canonical)


def stop_all(signature: Signature) -> bool:
    """Stop the news of every partner to a signature. Returns whether there was any. Flushes."""
    stopped = bool(end([signature.id]))
    if stopped:
        journal.record(Act.UNSUBSCRIBED, signature.id, signature.email_canonical)
    return stopped


def has_agreed(signature_id: int, partner_id: int) -> bool:
    """Say whether a signature agreed to a partner's news, and has not stopped it."""
    partnerships = set(db.session.scalars(SELECT_PARTNERSHIPS_SQL, {"partner": partner_id}))
    return bool(partnerships & get_agreed(signature_id))


def stop_for_address(email_canonical: str, partner_id: int | None = None) -> None:
    """Stop the news of one partner, or of all, to an address: on every petition. Flushes."""
    values = {"email_canonical": email_canonical, "partner": partner_id}
    ids = list(db.session.scalars(SELECT_CONSENTS_OF_ADDRESS_SQL, values))
    partnerships = None
    if partner_id is not None:
        partnerships = list(db.session.scalars(SELECT_PARTNERSHIPS_SQL, {"partner": partner_id}))
    for signature_id in sorted(end(ids, partnerships)):
        journal.record(Act.UNSUBSCRIBED, signature_id, email_canonical)


def list_agreed_names(signature: Signature) -> list[str]:
    """Return the names of the partners whose news a signer gets, or will get."""
    if not signature.petition.has_partners:
        return []
    agreed = get_agreed(signature.id)
    return [row.partner.name for row in list_current(signature.petition) if row.id in agreed]


def read_data(signature: Signature) -> list[dict[str, Any]]:
    """Return every consent of a signer to a partner's news, for the copy of their data."""
    query = (
        select(PartnerConsent, Partner.name, ConsentWording.text, Partnership.left_at)
        .join(Partnership, Partnership.id == PartnerConsent.partnership_id)
        .join(Partner, Partner.id == Partnership.partner_id)
        .join(ConsentWording, ConsentWording.id == PartnerConsent.wording_id)
        .where(PartnerConsent.signature_id == signature.id)
        .order_by(PartnerConsent.id)
    )
    return [
        {
            "id": consent.id, "partnership_id": consent.partnership_id, "partner": name,
            "wording_id": consent.wording_id, "text": words, "agreed_at": consent.agreed_at,
            "ended_at": consent.ended_at, "partner_left_at": left_at, "label": name,
        }
        for consent, name, words, left_at in db.session.execute(query)
    ]  # fmt: skip
