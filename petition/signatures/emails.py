"""The emails about a signature, composed a batch at a time; none is written that its state no longer calls for."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import select

from petition.core.db import db
from petition.delivery.bounces.owners import finds_address, on_leaving
from petition.delivery.compose import Claimed, Composed, Letter, Unwanted, composes, write
from petition.delivery.models import Delivery
from petition.petitions.count import Count, counts
from petition.petitions.models import Petition
from petition.signatures.links import absolute, confirm_token, personal_path, petition_url
from petition.signatures.models import CONFIRMED, PENDING, WITHDRAWN, Signature
from petition.signatures.withdraw import receive_updates

# RFC 3834: an answer made by a program, to which no other program should answer.
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def _confirm_link(signature: Signature) -> str:
    return absolute(f"/c/{confirm_token(signature)}")


def _personal_link(signature: Signature) -> str:
    return absolute(personal_path(signature))


def _petition_link(signature: Signature) -> str:
    return petition_url(signature.petition.slug, signature.locale)


def _write(claims: Sequence[Claimed], name: str, states: tuple[str, ...], link: Callable[[Signature], str]) -> Composed:
    signatures = {
        s.id: s for s in db.session.scalars(select(Signature).where(Signature.id.in_(c.subject_id for c in claims)))
    }
    counted = counts(list({s.petition.id: s.petition for s in signatures.values()}.values()))
    letters: Composed = {}
    for claim in claims:
        signature = signatures.get(claim.subject_id)
        letters[claim.id] = Unwanted()
        if (
            signature
            and signature.state in states
            and (name not in CONFIRMING or signature.petition.people_can_confirm)
        ):
            letters[claim.id] = _letter(name, signature, link, counted)
    return letters


def _letter(name: str, signature: Signature, link: Callable[[Signature], str], counted: dict[int, Count]) -> Letter:
    petition, days = signature.petition, current_app.config["CONFIRM_WITHIN"]
    return write(
        name,
        signature.locale,
        signature.email,
        petition.sender_name,
        reply_to=petition.reply_to,
        headers=AUTOMATIC,
        petition=_petition(petition, signature.locale, counted[petition.id]),
        signature=signature,
        link=link(signature),
        confirm_within=days,
        expires_on=_last_day(signature, days),
    )


def _last_day(signature: Signature, days: int) -> date:
    """Return the last whole day before the signature is forgotten."""
    ends = signature.requested_at + timedelta(days=days - 1)
    return ends.astimezone(ZoneInfo(signature.petition.timezone)).date()


def _petition(petition: Petition, locale: str, count: Count) -> dict[str, Any]:
    text = petition.text_in(locale)
    return {
        "title": text.title,
        "kind": petition.kind,
        "addressee": text.addressee,
        "sender_name": petition.sender_name,
        "url": petition_url(petition.slug, locale),
        "count": count.confirmed,
    }


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
    return _write(claims, "withdrawn", (WITHDRAWN,), _petition_link)


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
