"""The signer's personal page: how the signature is shown, updates on or off, withdraw, my data, erase."""

import json
from datetime import date
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import current_language, explicit_language, set_reader_language
from petition.core.languages.countries import country_of_timezone, list_countries_from
from petition.petitions.presenter import present, present_cached
from petition.petitions.views.public import SignForm
from petition.safeguards.rate_limits import limit_token_posts
from petition.signatures import labels
from petition.signatures.consent import get_passing_on_wording, get_wording
from petition.signatures.links import get_by_personal_token
from petition.signatures.listing.withheld import list_choices
from petition.signatures.models import Signature
from petition.signatures.partner_news.consents import find_box, list_boxes, set_news
from petition.signatures.personal.address_change import request_change
from petition.signatures.personal.data_copy import collect_data_for_link
from petition.signatures.personal.own_signatures import enqueue_list
from petition.signatures.personal.presenter import present_for_signer
from petition.signatures.personal.self_service import (
    editable_fields,
    enqueue_personal_link,
    erase,
    set_passed_on,
    set_updates,
    update_details,
    withdraw,
)

ACCESS = "holder of the link"
NOTICE_CODES = (
    "saved", "sent", "updates_on", "updates_off", "news_on", "news_off", "list_sent", "address_asked", "passed_on",
    "not_passed_on",
)  # fmt: skip
# How the page of the signer's data groups the columns of a signature.
TYPED_FIELDS = ("name", "withheld_name", "organisation", "email", "profession", "city", "postal_code", "country")
TECHNICAL_FIELDS = (
    "id", "petition_id", "email_canonical", "updates_wording_id", "passed_on_wording_id", "generation", "valid_from",
    "confirmed_no", "list_position", "logo_text", "merged_into", "review", "reported_at", "restricted_at", "network",
    "confirmed_same_network", "held_at", "emails_folded",
    "anonymised_at", "named_when", "named_from", "named_at", "team_sees_name",
)  # fmt: skip

blueprint = Blueprint("personal_page", __name__)


def _get_signature(token: str, *, lock: bool = False) -> Signature:
    """Return the signature of a personal link, and answer in its language."""
    signature = get_by_personal_token(token, lock=lock)
    set_reader_language(signature.locale)
    return signature


@blueprint.get("/me/<token>")
def me(token: str) -> str:
    """Show signers their own signature."""
    notice = request.args.get("notice")
    return _page(_get_signature(token), token, notice if notice in NOTICE_CODES else None)


def _page(signature: Signature, token: str, notice: str | None, **form_state: Any) -> str:
    return render_template(
        "signatures/personal_page/me.html",
        petition=present_cached(signature.petition, current_language()),
        signature=present_for_signer(signature),
        token=tokens.strip_trailing_characters(token),
        fields=editable_fields(signature),
        countries=list_countries_from(current_language(), country_of_timezone(signature.petition.timezone)),
        notice=notice,
        naming_choices=list_choices(signature),
        # What `set_updates` records, in the language that it is recorded in.
        wording=get_wording(signature.petition, signature.locale),
        boxes=list_boxes(signature.petition, signature.locale),
        passing_on=get_passing_on_wording(signature.petition, signature.locale),
        is_passed_on=signature.passed_on,
        **form_state,
    )


def _redirect_to_page(token: str, notice: str | None = None) -> Response:
    token = tokens.strip_trailing_characters(token)
    return redirect(url_for("personal_page.me", token=token, notice=notice, lang=explicit_language()), 303)


@blueprint.post("/me/<token>/display")
@limit_token_posts
def me_display(token: str) -> Any:
    """Change the name, the profession, the place, and whether the name is listed."""
    signature = _get_signature(token, lock=True)
    try:
        update_details(signature, request.form)
    except ValidationError as error:
        db.session.rollback()
        return _page(signature, token, None, errors=error.errors, submitted=request.form), 422
    db.session.commit()
    return _redirect_to_page(token, "saved")


@blueprint.post("/me/<token>/updates")
@limit_token_posts
def me_updates(token: str) -> Response:
    """Turn updates by email on or off."""
    enabled = request.form.get("updates") in ("on", "true", "1")
    set_updates(_get_signature(token, lock=True), enabled)
    db.session.commit()
    return _redirect_to_page(token, "updates_on" if enabled else "updates_off")


@blueprint.post("/me/<token>/news/<key>")
@limit_token_posts
def me_partner_news(token: str, key: str) -> Response:
    """Turn one partner's news by email on or off; the team's and other partners' stay as they are."""
    signature = _get_signature(token, lock=True)
    enabled = request.form.get("news") in ("on", "true", "1")
    set_news(signature, find_box(signature.petition, key, signature.locale), enabled)
    db.session.commit()
    return _redirect_to_page(token, "news_on" if enabled else "news_off")


@blueprint.post("/me/<token>/passing-on")
@limit_token_posts
def me_passing_on(token: str) -> Response:
    """Agree to be passed on to the organisation that the petition names, or take that back."""
    enabled = request.form.get("passed_on") in ("on", "true", "1")
    set_passed_on(_get_signature(token, lock=True), enabled)
    db.session.commit()
    return _redirect_to_page(token, "passed_on" if enabled else "not_passed_on")


@blueprint.post("/me/<token>/withdraw")
@limit_token_posts
def me_withdraw(token: str) -> Response:
    """Withdraw the signature."""
    withdraw(_get_signature(token, lock=True))
    db.session.commit()
    return _redirect_to_page(token)


@blueprint.post("/me/<token>/resend")
@limit_token_posts
def me_resend(token: str) -> Response:
    """Send the link to this page again."""
    enqueue_personal_link(_get_signature(token, lock=True))
    db.session.commit()
    return _redirect_to_page(token, "sent")


@blueprint.post("/me/<token>/address")
@limit_token_posts
def me_address(token: str) -> Any:
    """Ask the owner of another address to confirm that it is the signer's."""
    signature = _get_signature(token, lock=True)
    try:
        request_change(signature, request.form.get("email", ""))
    except ValidationError as error:
        db.session.rollback()
        return _page(signature, token, None, address_form=SignForm(request.form, error.errors)), 422
    db.session.commit()
    return _redirect_to_page(token, "address_asked")


@blueprint.post("/me/<token>/list")
@limit_token_posts
def me_list(token: str) -> Response:
    """Send the list of all that this address signed."""
    enqueue_list(_get_signature(token, lock=True))
    db.session.commit()
    return _redirect_to_page(token, "list_sent")


@blueprint.get("/me/<token>/data")
def me_data(token: str) -> Response:
    """Return all that is stored on the signer as a file (GDPR, articles 15 and 20)."""
    data = collect_data_for_link(_get_signature(token))
    text = json.dumps(data, ensure_ascii=False, indent=2, default=_to_json)
    response = current_app.response_class(f"{text}\n", mimetype="application/json")
    response.headers["Content-Disposition"] = "attachment; filename=signature.json"
    return response


def _to_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@blueprint.get("/me/<token>/data.html")
def me_data_page(token: str) -> str:
    """Show all that is stored on the signer, to read."""
    signature = _get_signature(token)
    return render_template(
        "signatures/personal_page/data.html",
        petition=present_cached(signature.petition, current_language()),
        data=collect_data_for_link(signature),
        labels=labels,
        typed=TYPED_FIELDS,
        technical=TECHNICAL_FIELDS,
        network_days=current_app.config["PETITION_KEEP_NETWORKS"],
        token=tokens.strip_trailing_characters(token),
    )


@blueprint.post("/me/<token>/erase")
@limit_token_posts
def me_erase(token: str) -> str:
    """Erase the signature and all personal data of its signer."""
    signature = _get_signature(token, lock=True)
    petition = present(signature.petition, current_language())
    erase(signature)
    db.session.commit()
    return render_template("signatures/personal_page/erased.html", petition=petition)
