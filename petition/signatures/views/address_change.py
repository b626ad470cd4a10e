"""The page behind the link that confirms a signer's new address; its button does it."""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for

from petition.core import tokens
from petition.core.db import db
from petition.core.i18n import current_language, explicit_language, set_reader_language
from petition.petitions.presenter import present_cached
from petition.safeguards.rate_limits import limit_token_posts
from petition.signatures.links import make_personal_token
from petition.signatures.models import Signature
from petition.signatures.personal.address_change import AddressTaken, confirm_change, get_by_token
from petition.signatures.personal.presenter import mask_email
from petition.signatures.request_models import AddressChange

ACCESS = "holder of the link"
blueprint = Blueprint("address_change", __name__)


def _page(signature: Signature, change: AddressChange, token: str, status: int = 200, **context: Any) -> Any:
    body = render_template(
        "signatures/address_change/confirm.html",
        petition=present_cached(signature.petition, current_language()),
        old_address=mask_email(signature.email),
        new_address=mask_email(change.email),
        done=change.confirmed_at is not None,
        token=tokens.strip_trailing_characters(token),
        **context,
    )
    return body, status


@blueprint.get("/a/<token>")
def ask(token: str) -> Any:
    """Show which address is replaced by which. Changes nothing."""
    signature, change = get_by_token(token)
    set_reader_language(signature.locale)
    return _page(signature, change, token)


@blueprint.post("/a/<token>")
@limit_token_posts
def confirm(token: str) -> Any:
    """Put the new address in force, once."""
    signature, change = get_by_token(token, lock=True)
    set_reader_language(signature.locale)
    try:
        confirm_change(signature, change)
    except AddressTaken as error:
        return _page(signature, change, token, 409, error=error.errors["email"])
    db.session.commit()
    return redirect(url_for("personal_page.me", token=make_personal_token(signature), lang=explicit_language()), 303)
