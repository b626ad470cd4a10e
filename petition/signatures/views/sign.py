"""The way of a signer: form, "check your email", link, button."""

from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.i18n import current_language, explicit_language
from petition.delivery.composers import sender_address
from petition.petitions.counters import get_count
from petition.petitions.presenter import present, present_cached
from petition.petitions.views.public import CACHE_CONTROL, SignForm, get_public_or_404, render_page
from petition.safeguards.email_addresses import suggest_correction
from petition.safeguards.honeypot import is_filled
from petition.safeguards.rate_limits import (
    address_limit_exceeded,
    limit_signing,
    limit_token_posts,
    stored_network_hash,
)
from petition.signatures.confirm import ConfirmationClosed, confirm, confirm_at_once, disown
from petition.signatures.fingerprint import compute_fingerprint, present_for_signer
from petition.signatures.links import ExpiredLink, LinkTarget, UnknownLink, get_by_confirm_token, make_personal_token
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.public_list import list_organisations, list_signatories
from petition.signatures.self_service import enqueue_replacement_link
from petition.signatures.sign import sign_at_once
from petition.signatures.validation import validate_details

ACCESS = "public"
blueprint = Blueprint("signatures", __name__)


@blueprint.post("/p/<slug>/sign")
@limit_signing(lambda: request.form.get("use_suggestion") or request.form.get("email"))
def sign(slug: str) -> Response:
    """Take a signature from the form; the answer is the same for every address."""
    petition = get_public_or_404(slug)
    done = redirect(url_for("signatures.check_your_email", slug=slug, lang=explicit_language()), 303)
    form: dict[str, Any] = request.form.to_dict()
    if is_filled(form):
        return done
    if form.get("use_suggestion"):
        form["email"] = form["use_suggestion"]
    try:
        details = validate_details(petition, form)
        better = suggest_correction(details.address.typed)
        if better and form.get("keep_email") != form.get("email"):
            return render_page(petition, SignForm(form, {}, better), 422)
        sign_at_once(petition, details, "page", stored_network_hash(), address_limit_exceeded())
    except DomainError as refusal:
        db.session.rollback()
        errors = {"form": closed_message()} if refusal.errors == {"form": "closed"} else refusal.errors
        suggestion = suggest_correction(str(form.get("email", ""))) if "email" not in errors else None
        return render_page(petition, SignForm(form, errors, suggestion), 422)
    return done


def closed_message() -> str:
    """Return what somebody is told who signs what cannot be signed now."""
    return _("This can no longer be signed: it is closed.")


@blueprint.get("/p/<slug>/check-your-email")
def check_your_email(slug: str) -> str:
    """Say that a link is on its way."""
    return render_template(
        "signatures/check_your_email.html",
        petition=present(get_public_or_404(slug), current_language()),
        sender_address=sender_address(),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
    )


@blueprint.get("/p/<slug>/signatories", endpoint="signatories")
def signatories_page(slug: str) -> Response:
    """List those who agreed to be named."""
    petition, after = get_public_or_404(slug), request.args.get("after")
    try:
        page = list_signatories(petition, after, party=Party.PERSON)
    except DomainError:
        abort(404)
    here: dict[str, Any] = {"slug": slug, "lang": current_language()}
    response = current_app.make_response(
        render_template(
            "signatures/signatories.html",
            petition=present(petition, current_language()),
            count=get_count(petition),
            organisations=list_organisations(petition) if after is None else [],
            people=page.items,
            next_url=url_for("signatures.signatories", after=page.next, **here) if page.next else None,
            first_url=url_for("signatures.signatories", **here) if after else None,
        )
    )
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


def _link_page(template: str, about: Signature | None, status: int = 200, **context: Any) -> tuple[str, int]:
    petition = present_cached(about.petition, current_language()) if about else None
    return render_template(f"signatures/{template}.html", petition=petition, **context), status


@blueprint.app_errorhandler(ExpiredLink)
@blueprint.app_errorhandler(UnknownLink)
def handle_invalid_link(error: ExpiredLink | UnknownLink) -> tuple[str, int]:
    """Answer a link that does not hold: 404 if it is not ours, 410 if its time has passed."""
    db.session.rollback()
    if isinstance(error, UnknownLink):
        return _link_page("link_invalid", None, 404)
    taken_back = error.signature is not None and error.signature.state == SignatureState.WITHDRAWN
    to_confirm = request.blueprint == blueprint.name
    alive = error.signature is not None and error.signature.state in (SignatureState.PENDING, SignatureState.CONFIRMED)
    token = tokens.strip_trailing_characters((request.view_args or {}).get("token", ""))
    return _link_page(
        "link_expired", error.signature, 410, token=token, can_resend=to_confirm and alive, taken_back=taken_back
    )


@blueprint.get("/c/<token>")
def confirm_page(token: str) -> tuple[str, int]:
    """Show what is about to be confirmed; changes nothing, as mail scanners follow links too."""
    signature = get_by_confirm_token(token)
    if signature.state == SignatureState.DISOWNED:
        return _link_page("disowned", signature)
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        return _link_page("closed", signature, 410)
    if signature.state not in (SignatureState.PENDING, SignatureState.CONFIRMED):
        raise ExpiredLink(signature)
    return _confirm_page(signature, token)


def _confirm_page(signature: Signature, token: str, status: int = 200) -> tuple[str, int]:
    details = {
        "signature": present_for_signer(signature),
        "seen": compute_fingerprint(signature),
        "changed": status != 200,
    }
    return _link_page("confirm", signature, status, token=tokens.strip_trailing_characters(token), **details)


@blueprint.post("/c/<token>", endpoint="confirm")
@limit_token_posts
def confirm_link(token: str) -> Any:
    """Confirm, once; again leads to the same page."""
    seen = request.form.get("seen") or None
    confirmed = confirm_at_once(token, seen)
    return _redirect_to_personal_page(confirmed) if confirmed else _confirm_or_explain(token, seen)


def _redirect_to_personal_page(signature: LinkTarget) -> Response:
    return redirect(url_for("personal.me", token=make_personal_token(signature), lang=explicit_language()), 303)


def _confirm_or_explain(token: str, seen: str | None) -> Any:
    """Confirm if it can be after all, else say why not."""
    signature = get_by_confirm_token(token, lock=True)
    if seen and signature.state == SignatureState.PENDING and seen != compute_fingerprint(signature):
        # Somebody signed with this address while the page was open: the button confirms what it stood under.
        return _confirm_page(signature, token, 409)
    try:
        confirm(signature)
    except ConfirmationClosed:
        return _link_page("closed", signature, 410)
    db.session.commit()
    if signature.state == SignatureState.DISOWNED:
        return _link_page("disowned", signature)
    if signature.state != SignatureState.CONFIRMED:
        raise ExpiredLink(signature)
    return _redirect_to_personal_page(signature)


@blueprint.post("/c/<token>/disown", endpoint="disown")
@limit_token_posts
def disown_link(token: str) -> tuple[str, int]:
    """Strike a signature that the owner of the address did not make."""
    signature = get_by_confirm_token(token, lock=True)
    disown(signature)
    db.session.commit()
    return _link_page("disowned", signature)


@blueprint.post("/c/<token>/resend")
@limit_token_posts
def resend(token: str) -> tuple[str, int]:
    """Send a new link in place of one that expired, to the address that the old one went to."""
    try:
        signature = get_by_confirm_token(token, lock=True)
    except ExpiredLink as error:
        if error.signature is None:
            raise
        signature = error.signature
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        return _link_page("closed", signature, 410)
    enqueue_replacement_link(signature)
    db.session.commit()
    return _link_page("link_sent", signature)
