"""The way of a signer: form, "check your email", link, button."""

from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.errors import Refusal
from petition.core.i18n import current_language, explicit_language
from petition.delivery.compose import sender_address
from petition.petitions.count import count_of
from petition.petitions.pages import CACHE, Form, render_page, visible
from petition.petitions.view import last_view, view
from petition.safeguards.addresses import suggest
from petition.safeguards.throttle import address_was_busy, following, home_network, signing
from petition.safeguards.trap import caught
from petition.signatures.confirm import TooLate, confirm, confirm_at_once, disown
from petition.signatures.details import clean
from petition.signatures.links import Expired, Linked, NotOurs, by_confirm_token, personal_token
from petition.signatures.listing import organisations, signatories
from petition.signatures.models import CONFIRMED, DISOWNED, PENDING, PERSON, WITHDRAWN, Signature
from petition.signatures.shown import fingerprint, shown
from petition.signatures.sign import sign_at_once
from petition.signatures.withdraw import send_new_link

ACCESS = "public"
blueprint = Blueprint("signatures", __name__)


@blueprint.post("/p/<slug>/sign")
@signing(lambda: request.form.get("use_suggestion") or request.form.get("email"))
def sign(slug: str) -> Response:
    """Take a signature from the form; the answer is the same for every address."""
    petition = visible(slug)
    done = redirect(url_for("signatures.check_your_email", slug=slug, lang=explicit_language()), 303)
    form: dict[str, Any] = request.form.to_dict()
    if caught(form):
        return done
    if form.get("use_suggestion"):
        form["email"] = form["use_suggestion"]
    try:
        details = clean(petition, form)
        better = suggest(details.address.typed)
        if better and form.get("keep_email") != form.get("email"):
            return render_page(petition, Form(form, {}, better), 422)
        sign_at_once(petition, details, "page", home_network(), address_was_busy())
    except Refusal as refusal:
        db.session.rollback()
        errors = {"form": closed_words()} if refusal.errors == {"form": "closed"} else refusal.errors
        suggestion = suggest(str(form.get("email", ""))) if "email" not in errors else None
        return render_page(petition, Form(form, errors, suggestion), 422)
    return done


def closed_words() -> str:
    """Return what somebody is told who signs what cannot be signed now."""
    return _("This can no longer be signed: it is closed.")


@blueprint.get("/p/<slug>/check-your-email")
def check_your_email(slug: str) -> str:
    """Say that a link is on its way."""
    return render_template(
        "signatures/check_your_email.html",
        petition=view(visible(slug), current_language()),
        sender_address=sender_address(),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
    )


@blueprint.get("/p/<slug>/signatories", endpoint="signatories")
def signatories_page(slug: str) -> Response:
    """List those who agreed to be named."""
    petition, after = visible(slug), request.args.get("after")
    try:
        page = signatories(petition, after, party=PERSON)
    except Refusal:
        abort(404)
    here: dict[str, Any] = {"slug": slug, "lang": current_language()}
    response = current_app.make_response(
        render_template(
            "signatures/signatories.html",
            petition=view(petition, current_language()),
            count=count_of(petition),
            organisations=organisations(petition) if after is None else [],
            people=page.items,
            next_url=url_for("signatures.signatories", after=page.next, **here) if page.next else None,
            first_url=url_for("signatures.signatories", **here) if after else None,
        )
    )
    response.headers["Cache-Control"] = CACHE
    response.vary.add("Accept-Language")
    return response


def _link_page(template: str, about: Signature | None, status: int = 200, **context: Any) -> tuple[str, int]:
    petition = last_view(about.petition, current_language()) if about else None
    return render_template(f"signatures/{template}.html", petition=petition, **context), status


@blueprint.app_errorhandler(Expired)
@blueprint.app_errorhandler(NotOurs)
def broken(error: Expired | NotOurs) -> tuple[str, int]:
    """Answer a link that does not hold: 404 if it is not ours, 410 if its time has passed."""
    db.session.rollback()
    if isinstance(error, NotOurs):
        return _link_page("link_invalid", None, 404)
    taken_back = error.signature is not None and error.signature.state == WITHDRAWN
    to_confirm = request.blueprint == blueprint.name
    alive = error.signature is not None and error.signature.state in (PENDING, CONFIRMED)
    token = tokens.mend((request.view_args or {}).get("token", ""))
    return _link_page(
        "link_expired", error.signature, 410, token=token, can_resend=to_confirm and alive, taken_back=taken_back
    )


@blueprint.get("/c/<token>")
def confirm_page(token: str) -> tuple[str, int]:
    """Show what is about to be confirmed; changes nothing, as mail scanners follow links too."""
    signature = by_confirm_token(token)
    if signature.state == DISOWNED:
        return _link_page("disowned", signature)
    if signature.state == PENDING and not signature.petition.people_can_confirm:
        return _link_page("closed", signature, 410)
    if signature.state not in (PENDING, CONFIRMED):
        raise Expired(signature)
    return _confirm_page(signature, token)


def _confirm_page(signature: Signature, token: str, status: int = 200) -> tuple[str, int]:
    details = {"signature": shown(signature), "seen": fingerprint(signature), "changed": status != 200}
    return _link_page("confirm", signature, status, token=tokens.mend(token), **details)


@blueprint.post("/c/<token>", endpoint="confirm")
@following
def confirm_link(token: str) -> Any:
    """Confirm, once; again leads to the same page."""
    seen = request.form.get("seen") or None
    confirmed = confirm_at_once(token, seen)
    return _to_own_page(confirmed) if confirmed else _confirm_or_say(token, seen)


def _to_own_page(signature: Linked) -> Response:
    return redirect(url_for("personal.me", token=personal_token(signature), lang=explicit_language()), 303)


def _confirm_or_say(token: str, seen: str | None) -> Any:
    """Confirm if it can be after all, else say why not."""
    signature = by_confirm_token(token, lock=True)
    if seen and signature.state == PENDING and seen != fingerprint(signature):
        # Somebody signed with this address while the page was open: the button confirms what it stood under.
        return _confirm_page(signature, token, 409)
    try:
        confirm(signature)
    except TooLate:
        return _link_page("closed", signature, 410)
    db.session.commit()
    if signature.state == DISOWNED:
        return _link_page("disowned", signature)
    if signature.state != CONFIRMED:
        raise Expired(signature)
    return _to_own_page(signature)


@blueprint.post("/c/<token>/disown", endpoint="disown")
@following
def disown_link(token: str) -> tuple[str, int]:
    """Strike a signature that the owner of the address did not make."""
    signature = by_confirm_token(token, lock=True)
    disown(signature)
    db.session.commit()
    return _link_page("disowned", signature)


@blueprint.post("/c/<token>/resend")
@following
def resend(token: str) -> tuple[str, int]:
    """Send a new link in place of one that expired, to the address that the old one went to."""
    try:
        signature = by_confirm_token(token, lock=True)
    except Expired as error:
        if error.signature is None:
            raise
        signature = error.signature
    if signature.state == PENDING and not signature.petition.people_can_confirm:
        return _link_page("closed", signature, 410)
    send_new_link(signature)
    db.session.commit()
    return _link_page("link_sent", signature)
