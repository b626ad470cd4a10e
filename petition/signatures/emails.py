"""Compose the emails to signers, a batch at a time; one that the signature's state no longer calls for is skipped.

An email may go to an address that a stranger typed, also once the team confirmed the signature without its link. So it
carries nothing that the stranger wrote: no organisation, no role, the name only if it is plainly a name, the address
without its subaddress.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from flask import current_app
from sqlalchemy import select

from petition.core import clock
from petition.core.db import any_of, db, read_detached
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped
from petition.delivery.models import Delivery
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.rendering.templates import PetitionHeader, PreparedEmail, Slots, prepare_email
from petition.delivery.suppressions.suppression_list import is_hash_of
from petition.petitions.counters import Count, get_counts
from petition.petitions.editing.edit_form import split_paragraphs
from petition.petitions.models import Petition
from petition.petitions.queries import get_cached_by_ids
from petition.signatures.confirmation_codes.codes import format_code, make_code
from petition.signatures.links import absolute_url, make_confirm_token, personal_path, petition_url
from petition.signatures.models import CONFIRMED_STATES, Signature, SignatureState
from petition.signatures.personal.self_service import stop_all_news
from petition.signatures.review.rules import is_plain_name

# RFC 3834: sent by a program, so that no other program replies.
AUTO_SUBMITTED_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
SLOTS = Slots("name", "email", "link", "count", "code")

KINDS = ("confirm_signature", "reminder", "already_signed", "personal_link", "withdrawn")
KINDS_WITH_COUNT = ("already_signed",)
KINDS_TO_CONFIRM = ("confirm_signature", "reminder")


class Signer(NamedTuple):
    """The columns of a signature that an email needs."""

    id: int
    petition_id: int
    state: str
    party: str
    name: str
    email: str
    locale: str
    generation: int
    requested_at: datetime


SIGNER_COLUMNS = tuple(getattr(Signature, field) for field in Signer._fields)


@dataclass(frozen=True)
class TemplateKey:
    """What decides the text of an email apart from its slots: signers who share it share a prepared email."""

    name: str  # of the email
    locale: str
    petition: PetitionHeader
    party: str
    is_named: bool
    has_count: bool  # a count of one is not worth mentioning
    expires_on: date
    confirm_within: int  # days
    # The campaign's own paragraphs before and after ours.
    intro: str = ""
    closing: str = ""


def _compose(
    claims: Sequence[ClaimedDelivery], name: str, states: tuple[str, ...], link: Callable[[Signer], str]
) -> Composed:
    rows = db.session.execute(
        select(*SIGNER_COLUMNS).where(Signature.id == any_of([claim.subject_id for claim in claims]))
    )
    signers = {row.id: row for row in map(Signer._make, rows)}
    petitions = _load_petitions(
        {signer.petition_id for signer in signers.values()}, confirming=name in KINDS_TO_CONFIRM
    )
    counts = get_counts(list(petitions.values())) if name in KINDS_WITH_COUNT else {}
    composed: Composed = {}
    for claim in claims:
        composed[claim.id] = Skipped()
        signer = signers.get(claim.subject_id)
        if signer is None or signer.state not in states:
            continue
        petition = petitions[signer.petition_id]
        if name not in KINDS_TO_CONFIRM or petition.people_can_confirm:
            composed[claim.id] = _compose_message(name, signer, petition, link, counts.get(petition.id))
    return composed


def _load_petitions(ids: set[int], confirming: bool) -> dict[int, Petition]:
    cached = get_cached_by_ids(ids)
    if not confirming or all(petition.people_can_confirm for petition in cached.values()):
        return cached
    # A petition may have been reopened since it was cached: its emails must not be skipped.
    return {petition.id: petition for petition in read_detached(select(Petition).where(Petition.id.in_(ids)))}


def _compose_message(
    name: str, signer: Signer, petition: Petition, link: Callable[[Signer], str], count: Count | None
) -> OutgoingMessage:
    days, text = current_app.config["CONFIRM_WITHIN"], petition.text_in(signer.locale)
    url = petition_url(petition.slug, signer.locale)
    header = PetitionHeader(text.title, petition.kind, text.addressee, url, petition.sender_name, text.language)
    own = (text.email_intro, text.email_closing) if name == "confirm_signature" else ("", "")
    key = TemplateKey(
        name, signer.locale, header, signer.party, is_named=is_plain_name(signer.name),
        has_count=count is not None and count.confirmed > 1, expires_on=_last_confirmation_day(signer, petition, days),
        confirm_within=days, intro=own[0], closing=own[1],
    )  # fmt: skip
    subject, body, html = _get_prepared_email(key).fill(
        {
            "name": lambda: signer.name,
            "email": lambda: without_subaddress(signer.email),
            "link": lambda: link(signer),
            "code": lambda: format_code(make_code(signer)),
            "count": lambda: format_decimal(count.confirmed if count else 0, locale=signer.locale),
        }
    )
    return OutgoingMessage(
        signer.email, petition.sender_name, signer.locale, AUTO_SUBMITTED_HEADERS,
        subject=subject, body=body, html=html, reply_to=petition.reply_to,
    )  # fmt: skip


def build_email_preview(petition: Petition, name: str, language: str, signer_name: str) -> OutgoingMessage:
    """Return an email of `KINDS` as somebody would get it who signs now, with a link that leads nowhere."""
    signer = Signer(
        id=0, petition_id=petition.id, state=SignatureState.PENDING, party="person", name=signer_name,
        email="camille@example.org", locale=language, generation=1, requested_at=clock.now(),
    )  # fmt: skip
    return _compose_message(name, signer, petition, lambda _signer: absolute_url("/c/…"), None)


@lru_cache(maxsize=512)
def _get_prepared_email(key: TemplateKey) -> PreparedEmail:
    signature = {
        "name": SLOTS.placeholder("name") if key.is_named else "",
        "email": SLOTS.placeholder("email"),
        "party": key.party,
    }
    return prepare_email(
        SLOTS, key.name, key.locale, petition=key.petition, signature=signature, link=SLOTS.placeholder("link"),
        code=SLOTS.placeholder("code"),
        count=SLOTS.placeholder("count") if key.has_count else "", expires_on=key.expires_on,
        confirm_within=key.confirm_within, intro=split_paragraphs(key.intro), closing=split_paragraphs(key.closing),
    )  # fmt: skip


def without_subaddress(address: str) -> str:
    """Return an address without what follows a + in its name: anything can be written there."""
    local, _at, domain = address.rpartition("@")
    return f"{local.split('+', 1)[0] or local}@{domain}"


def _last_confirmation_day(signer: Signer, petition: Petition, days: int) -> date:
    """Return the last whole day before an unconfirmed signature is deleted."""
    return (signer.requested_at + timedelta(days=days - 1)).astimezone(ZoneInfo(petition.timezone)).date()


def _confirm_link(signer: Signer) -> str:
    return absolute_url(f"/c/{make_confirm_token(signer)}")


def _personal_link(signer: Signer) -> str:
    return absolute_url(personal_path(signer))


def compose_confirm_signature(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Ask the owner of the address to confirm."""
    return _compose(claims, "confirm_signature", (SignatureState.PENDING,), _confirm_link)


def compose_reminder(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Remind the owner of the address to confirm."""
    return _compose(claims, "reminder", (SignatureState.PENDING,), _confirm_link)


def compose_already_signed(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Tell somebody who signs again that their signature counts already."""
    return _compose(claims, "already_signed", CONFIRMED_STATES, _personal_link)


def compose_personal_link(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Send signers the link to their personal page."""
    return _compose(claims, "personal_link", CONFIRMED_STATES, _personal_link)


def compose_withdrawn(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Tell signers that their signature was withdrawn."""
    return _compose(claims, "withdrawn", (SignatureState.WITHDRAWN,), _personal_link)


def stop_updates(delivery_id: int, _complaint: bool) -> None:
    """Stop the news of a signer who complained of an email about their signature, or asked to stop them.

    Not if the signature has another address since: its owner did not say so.
    """
    delivery = db.session.get(Delivery, delivery_id)
    signature = db.session.get(Signature, delivery.subject_id) if delivery else None
    if delivery and signature and is_hash_of(delivery.address_hash, signature.email):
        stop_all_news(signature)
