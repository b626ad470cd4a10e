"""Emails that signers ask for: to confirm a new address, the notice to the old one, the list of all they signed.

And the notice that a name stays withheld.

Rare, so each is rendered by itself. Like the others (`emails.py`), they carry nothing that a stranger may have typed.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import any_of, db
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, render_message
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.rendering.templates import PetitionHeader
from petition.signatures.emails import AUTO_SUBMITTED_HEADERS, without_subaddress
from petition.signatures.labels import party_label, signature_state_label
from petition.signatures.links import absolute_url, make_confirm_token, personal_path, petition_url
from petition.signatures.models import CONFIRMED_STATES, Party, Signature, SignatureState
from petition.signatures.personal.address_change import make_token
from petition.signatures.personal.own_signatures import LISTED_STATES, list_signatures
from petition.signatures.personal.presenter import mask_email
from petition.signatures.request_models import AddressChange
from petition.signatures.review.rules import is_plain_name

KINDS = ("new_address", "address_change", "own_signatures", "name_withheld")


def compose_new_address(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Ask the owner of a signer's new address to confirm it."""

    def compose(signature: Signature, claim: ClaimedDelivery) -> OutgoingMessage | None:
        change = db.session.get(AddressChange, signature.id)
        if change is None or change.confirmed_at or change.generation != claim.generation:
            return None
        expires_at = change.requested_at + timedelta(days=current_app.config["CONFIRM_WITHIN"] - 1)
        return _render(
            "new_address", signature, change.email, link=absolute_url(f"/a/{make_token(change)}"),
            expires_on=expires_at.astimezone(ZoneInfo(signature.petition.timezone)).date(),
        )  # fmt: skip

    return _compose(claims, CONFIRMED_STATES, compose)


def compose_address_change(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Tell the owner of the present address that another was given."""

    def compose(signature: Signature, _claim: ClaimedDelivery) -> OutgoingMessage | None:
        change = db.session.get(AddressChange, signature.id)
        if change is None or change.confirmed_at:
            return None  # in the meantime this address is no longer the signer's
        link = absolute_url(personal_path(signature))
        return _render("address_change", signature, signature.email, link=link, new_address=mask_email(change.email))

    return _compose(claims, CONFIRMED_STATES, compose)


def compose_own_signatures(claims: Sequence[ClaimedDelivery]) -> Composed:
    """List all that an address signed, each with its personal link, or the one to confirm it."""

    def compose(signature: Signature, _claim: ClaimedDelivery) -> OutgoingMessage | None:
        with force_locale(signature.locale):
            title = _("Your signatures")
        petition = PetitionHeader(
            title, "", "", absolute_url(f"/?lang={signature.locale}"), signature.petition.sender_name
        )
        entries = [_describe(one, signature.locale) for one in list_signatures(signature)]
        return _render("own_signatures", signature, signature.email, petition=petition, entries=entries)

    return _compose(claims, LISTED_STATES, compose)


def compose_name_withheld(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Tell signers that their name stays withheld, unless they decided otherwise meanwhile."""

    def compose(signature: Signature, _claim: ClaimedDelivery) -> OutgoingMessage | None:
        if not signature.is_withheld:
            return None
        return _render("name_withheld", signature, signature.email, link=absolute_url(personal_path(signature)))

    return _compose(claims, (SignatureState.CONFIRMED,), compose)


def _describe(signature: Signature, language: str) -> dict[str, str]:
    pending = signature.state == SignatureState.PENDING
    path = f"/c/{make_confirm_token(signature)}" if pending else personal_path(signature)
    with force_locale(language):
        # The signer's word for it, whatever the team made of it.
        label = signature_state_label(SignatureState.CONFIRMED if signature.is_confirmed else signature.state)
        if signature.party == Party.ORGANISATION:
            label = f"{party_label(signature.party)}, {label}"
    return {"title": signature.petition.text_in(language).title, "label": label, "link": absolute_url(path)}


def _compose(
    claims: Sequence[ClaimedDelivery],
    states: Sequence[str],
    compose: Callable[[Signature, ClaimedDelivery], OutgoingMessage | None],
) -> Composed:
    query = select(Signature).where(Signature.id == any_of([claim.subject_id for claim in claims]))
    signatures = {signature.id: signature for signature in db.session.scalars(query)}
    composed: Composed = {}
    for claim in claims:
        signature = signatures.get(claim.subject_id)
        message = compose(signature, claim) if signature is not None and signature.state in states else None
        composed[claim.id] = message or Skipped()
    return composed


def _render(name: str, signature: Signature, to: str, **context: Any) -> OutgoingMessage:
    petition, text = signature.petition, signature.petition.text_in(signature.locale)
    url = petition_url(petition.slug, signature.locale)
    header = PetitionHeader(text.title, petition.kind, text.addressee, url, petition.sender_name, text.language)
    shown = {
        "party": signature.party,
        "name": signature.name if is_plain_name(signature.name) else "",
        "email": without_subaddress(to),
    }
    return render_message(
        name, signature.locale, to, petition.sender_name, reply_to=petition.reply_to, headers=AUTO_SUBMITTED_HEADERS,
        signature=shown, **{"petition": header, **context},
    )  # fmt: skip
