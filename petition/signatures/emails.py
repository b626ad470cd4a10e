"""The emails about a signature, composed a batch at a time; none is written that its state no longer calls for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from flask import current_app
from jinja2.filters import do_truncate
from sqlalchemy import select

from petition.core.db import among, db, read_apart
from petition.delivery.bounces.owners import finds_address, on_leaving
from petition.delivery.compose import Claimed, Composed, Unwanted, composes
from petition.delivery.letter import Letter
from petition.delivery.models import Delivery
from petition.delivery.sheet import Frame, Gaps, Sheet, typeset
from petition.petitions.count import Count, counts
from petition.petitions.models import Petition
from petition.petitions.publish import known_by_id
from petition.signatures.links import absolute, confirm_token, personal_path, petition_url
from petition.signatures.models import CONFIRMED, PENDING, WITHDRAWN, Signature
from petition.signatures.withdraw import receive_updates

# RFC 3834: an answer made by a program, to which no other program should answer.
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
GAPS = Gaps("name", "email", "link", "count")
LONGEST_NAME = 60  # characters of a greeting


class Signer(NamedTuple):
    """What an email needs to know of a signature."""

    id: int
    petition_id: int
    state: str
    party: str
    name: str
    organisation: str | None
    email: str
    locale: str
    generation: int
    requested_at: datetime


SIGNER = tuple(getattr(Signature, field) for field in Signer._fields)


@dataclass(frozen=True)
class Alike:
    """What signers share who get the same email but for its gaps."""

    name: str  # of the email
    locale: str
    frame: Frame
    party: str
    is_named: bool
    organisation: str | None
    is_counted: bool  # a count of one is nothing to tell
    expires_on: date
    confirm_within: int  # days


def _write(claims: Sequence[Claimed], name: str, states: tuple[str, ...], link: Callable[[Signer], str]) -> Composed:
    rows = db.session.execute(select(*SIGNER).where(Signature.id == among([claim.subject_id for claim in claims])))
    signers = {row.id: row for row in map(Signer._make, rows)}
    petitions = _petitions({signer.petition_id for signer in signers.values()}, confirming=name in CONFIRMING)
    counted = counts(list(petitions.values())) if name in COUNTING else {}
    letters: Composed = {}
    for claim in claims:
        signer = signers.get(claim.subject_id)
        petition = petitions[signer.petition_id] if signer else None
        letters[claim.id] = Unwanted()
        if signer and petition and signer.state in states and (name not in CONFIRMING or petition.people_can_confirm):
            letters[claim.id] = _letter(name, signer, petition, link, counted.get(petition.id))
    return letters


def _petitions(ids: set[int], confirming: bool) -> dict[int, Petition]:
    known = known_by_id(ids)
    if not confirming or all(petition.people_can_confirm for petition in known.values()):
        return known
    # One that was opened again a moment ago: what it was must not make an email unwanted.
    return {petition.id: petition for petition in read_apart(select(Petition).where(Petition.id.in_(ids)))}


def _letter(
    name: str, signer: Signer, petition: Petition, link: Callable[[Signer], str], count: Count | None
) -> Letter:
    days, text = current_app.config["CONFIRM_WITHIN"], petition.text_in(signer.locale)
    frame = Frame(
        text.title, petition.kind, text.addressee, petition_url(petition.slug, signer.locale), petition.sender_name
    )
    is_counted = count is not None and count.confirmed > 1
    alike = Alike(name, signer.locale, frame, signer.party, bool(signer.name), signer.organisation, is_counted,
                  _last_day(signer, petition, days), days)  # fmt: skip
    subject, body, html = _sheet(alike).fill(
        {
            "name": lambda: do_truncate(current_app.jinja_env, signer.name, LONGEST_NAME),
            "email": lambda: signer.email,
            "link": lambda: link(signer),
            "count": lambda: format_decimal(count.confirmed if count else 0, locale=signer.locale),
        }
    )
    return Letter(signer.email, petition.sender_name, signer.locale, AUTOMATIC, subject=subject, body=body, html=html,
                  reply_to=petition.reply_to)  # fmt: skip


@lru_cache(maxsize=512)
def _sheet(alike: Alike) -> Sheet:
    signature = {
        "name": GAPS.mark("name") if alike.is_named else "",
        "email": GAPS.mark("email"),
        "party": alike.party,
        "organisation": alike.organisation,
    }
    return typeset(
        GAPS, alike.name, alike.locale, petition=alike.frame, signature=signature, link=GAPS.mark("link"),
        count=GAPS.mark("count") if alike.is_counted else "", expires_on=alike.expires_on,
        confirm_within=alike.confirm_within,
    )  # fmt: skip


def _last_day(signer: Signer, petition: Petition, days: int) -> date:
    """Return the last whole day before the signature is forgotten."""
    return (signer.requested_at + timedelta(days=days - 1)).astimezone(ZoneInfo(petition.timezone)).date()


def _confirm_link(signer: Signer) -> str:
    return absolute(f"/c/{confirm_token(signer)}")


def _personal_link(signer: Signer) -> str:
    return absolute(personal_path(signer))


COUNTING = ("already_signed",)
CONFIRMING = ("confirm_signature", "reminder")


@composes("confirm_signature")
def confirm_signature(claims: Sequence[Claimed]) -> Composed:
    """Ask the owner of the address to confirm."""
    return _write(claims, "confirm_signature", (PENDING,), _confirm_link)


@composes("reminder")
def reminder(claims: Sequence[Claimed]) -> Composed:
    """Ask once more, once."""
    return _write(claims, "reminder", (PENDING,), _confirm_link)


@composes("already_signed")
def already_signed(claims: Sequence[Claimed]) -> Composed:
    """Tell somebody who signs again that they are counted already."""
    return _write(claims, "already_signed", (CONFIRMED,), _personal_link)


@composes("personal_link")
def personal_link(claims: Sequence[Claimed]) -> Composed:
    """Send signers the link to their own page."""
    return _write(claims, "personal_link", (CONFIRMED,), _personal_link)


@composes("withdrawn")
def withdrawn(claims: Sequence[Claimed]) -> Composed:
    """Confirm that a signature was taken back."""
    return _write(claims, "withdrawn", (WITHDRAWN,), _personal_link)


def address_of(signature_id: int) -> str | None:
    """Return the address of a signature, unless it was erased or disowned."""
    return db.session.scalar(select(Signature.email).where(Signature.id == signature_id)) or None


def stop_updates(delivery_id: int, _complaint: bool) -> None:
    """Stop the updates of whoever complains of an email about their signature, or asks for it."""
    delivery = db.session.get(Delivery, delivery_id)
    signature = db.session.get(Signature, delivery.subject_id) if delivery else None
    if signature is not None:
        receive_updates(signature, False)


KINDS = ("confirm_signature", "reminder", "already_signed", "personal_link", "withdrawn")
finds_address(KINDS, address_of)
on_leaving(KINDS, stop_updates)
