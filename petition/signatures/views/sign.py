"""Sign with the form of a petition's page."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug import Response
from werkzeug.exceptions import TooManyRequests

from petition.core.exceptions import ValidationError
from petition.core.i18n import explicit_language
from petition.petitions.partners.current import list_keys
from petition.petitions.sharing.channels import parse_channel, source_of
from petition.petitions.views.public import PAGE_TEMPLATE, SignForm, get_public_or_404, render_page
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.safeguards.email_corrections import suggest_correction
from petition.safeguards.honeypot import is_filled
from petition.safeguards.rate_limits import count_unchecked_signing, limit_signing, stored_network_hash
from petition.signatures.abuse.challenges import FIELD_NAME, ChallengeRequired, lacks_solution
from petition.signatures.confirmation_codes.code_handles import NOBODY, make_handle, seal
from petition.signatures.confirmation_codes.sealed_address import seal_address
from petition.signatures.sign import PetitionClosed, sign
from petition.signatures.validation import validate_details

ACCESS = "public"
blueprint = Blueprint("signatures", __name__)


@blueprint.post("/p/<slug>/sign", endpoint="sign")
@limit_signing
def submit_form(slug: str) -> Response:
    """Sign with the form; the answer is the same for every address."""
    return receive_form(slug, None, PAGE_TEMPLATE, "check_email.page")


def receive_form(slug: str, source: str | None, template: str, next_endpoint: str) -> Response:
    """Sign with the submitted form and lead on, or show it again with its errors.

    `source` is where the signature comes from, by default what the form's `via` says; `template` that of the page with
    the form, `next_endpoint` the page that says what to do next.
    """
    petition = get_public_or_404(slug)
    source = source or source_of(parse_channel(request.form.get("via"), list_keys(petition)))
    form: dict[str, Any] = request.form.to_dict()
    if form.get("use_suggestion"):
        form["email"] = form["use_suggestion"]
    if is_filled(form):
        return _redirect_to_check_your_email(next_endpoint, slug, form, seal(NOBODY))
    suggestion = _suggest_address(form)
    try:
        details = validate_details(petition, form)
        if suggestion:
            return render_page(petition, SignForm(form, {}, suggestion), 422, template=template)
        if lacks_solution(petition, form.get(FIELD_NAME)):
            if not form.get("unchecked"):
                raise ChallengeRequired
            count_unchecked_signing()
        sign(petition, details, source, stored_network_hash())
    except (ValidationError, PetitionClosed) as error:
        errors = dict(error.errors)
        if suggestion and "email" in errors:
            errors["email"] = _("This is not a full email address. Did you mean %(address)s?", address=suggestion)
        return render_page(petition, SignForm(form, errors, suggestion), 422, template=template)
    except TooManyRequests:
        message = _(
            "Too many signatures came from your network without the check by the browser. Please try again in an hour, "
            "or allow scripts on this page."
        )
        return render_page(petition, SignForm(form, {FIELD_NAME: message}), 429, template=template)
    return _redirect_to_check_your_email(next_endpoint, slug, form, make_handle(petition.id, details))


def _suggest_address(form: Mapping[str, Any]) -> str | None:
    """Return the address that was probably meant, unless the signer said that what is typed is right."""
    typed = str(form.get("email", ""))
    suggestion = suggest_correction(typed) if form.get("keep_email") != typed else None
    try:
        return parse_email_address(suggestion).typed if suggestion else None
    except BadAddress:
        return None


def _redirect_to_check_your_email(endpoint: str, slug: str, form: Mapping[str, Any], handle: str | None) -> Response:
    """Lead to the page that says what to do next.

    The form of our own page asks it to show the address, and to take the code of the email, for which `handle` is.
    """
    asks = bool(form.get("show_address"))
    to = seal_address(str(form.get("email", ""))) if asks else None
    handle = handle if asks else None
    return redirect(url_for(endpoint, slug=slug, to=to, handle=handle, lang=explicit_language()), 303)
