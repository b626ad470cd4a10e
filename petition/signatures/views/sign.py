"""The signer's pages: sign, "check your email", confirm or disown by link; and the public list of signatories."""

from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import current_language, explicit_language
from petition.delivery.composers import sender_address
from petition.petitions.counters import get_count
from petition.petitions.presenter import present, present_cached
from petition.petitions.views.public import CACHE_CONTROL, SignForm, get_public_or_404, render_page
from petition.safeguards.email_corrections import suggest_correction
from petition.safeguards.honeypot import is_filled
from petition.safeguards.rate_limits import (
    limit_signing,
    limit_token_posts,
    stored_network_hash,
)
from petition.signatures.confirm import (
    ConfirmationClosed,
    DetailsChanged,
    SignatureEnded,
    can_be_restored,
    confirm,
    disown,
)
from petition.signatures.fingerprint import compute_fingerprint
from petition.signatures.links import (
    AnonymisedLink,
    ExpiredLink,
    UnknownLink,
    get_by_confirm_token,
    make_personal_token,
)
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.presenter import present_for_signer
from petition.signatures.public_list import list_organisations, list_signatories
from petition.signatures.retention import DISOWNED_TTL
from petition.signatures.self_service import enqueue_replacement_link
from petition.signatures.sign import PetitionClosed, sign
from petition.signatures.validation import validate_details

ACCESS = "public"
blueprint = Blueprint("signatures", __name__)


@blueprint.post("/p/<slug>/sign", endpoint="sign")
@limit_signing
def submit_form(slug: str) -> Response:
    """Sign with the form; the answer is the same for every address."""
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
        sign(petition, details, "page", stored_network_hash())
    except (ValidationError, PetitionClosed) as error:
        suggestion = suggest_correction(str(form.get("email", ""))) if "email" not in error.errors else None
        return render_page(petition, SignForm(form, error.errors, suggestion), 422)
    return done


@blueprint.get("/p/<slug>/check-your-email")
def check_your_email(slug: str) -> str:
    """Show that a link was sent, from which address and for how long it is valid."""
    return render_template(
        "signatures/sign/check_your_email.html",
        petition=present(get_public_or_404(slug), current_language()),
        sender_address=sender_address(),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
    )


@blueprint.get("/p/<slug>/signatories", endpoint="signatories")
def signatories_page(slug: str) -> Response:
    """List those who agreed to be named."""
    petition, after, reporting = get_public_or_404(slug), request.args.get("after"), "report" in request.args
    if after == "" and petition.listing != "none":
        abort(404)
    try:
        page = list_signatories(petition, after, party=Party.PERSON)
    except ValidationError:
        abort(404)
    here: dict[str, Any] = {"slug": slug, "lang": current_language(), "report": 1 if reporting else None}
    response = current_app.make_response(
        render_template(
            "signatures/sign/signatories.html",
            petition=present(petition, current_language()),
            count=get_count(petition),
            organisations=list_organisations(petition) if after is None else [],
            people=page.items,
            next_url=url_for("signatures.signatories", after=page.next, **here) if page.next else None,
            first_url=url_for("signatures.signatories", **here) if after else None,
            report_url=url_for("signatures.signatories", after=after, **{**here, "report": None if reporting else 1}),
            reporting=reporting,
        )
    )
    if not petition.list_indexed:
        response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


def _link_page(template: str, signature: Signature | None, status: int = 200, **context: Any) -> tuple[str, int]:
    petition = present_cached(signature.petition, current_language()) if signature else None
    return render_template(template, petition=petition, **context), status


@blueprint.app_errorhandler(ExpiredLink)
@blueprint.app_errorhandler(UnknownLink)
def handle_invalid_link(error: ExpiredLink | UnknownLink) -> tuple[str, int]:
    """Answer a link that is not valid: 404 if it is not one of ours, 410 if it expired or its data is erased."""
    db.session.rollback()
    if isinstance(error, UnknownLink):
        return _link_page("signatures/sign/link_invalid.html", None, 404)
    if isinstance(error, AnonymisedLink):
        petition = present_cached(error.petition, current_language())
        return render_template("signatures/sign/anonymised.html", petition=petition), 410
    return _expired_page(error.signature)


def _expired_page(signature: Signature | None) -> tuple[str, int]:
    state = signature.state if signature else None
    is_confirm_link = request.blueprint == blueprint.name
    return _link_page(
        "signatures/sign/link_expired.html",
        signature,
        410,
        token=tokens.strip_trailing_characters((request.view_args or {}).get("token", "")),
        can_resend=is_confirm_link and state in (SignatureState.PENDING, SignatureState.CONFIRMED),
        is_withdrawn=state == SignatureState.WITHDRAWN,
    )


def _disowned_page(signature: Signature) -> tuple[str, int]:
    days = DISOWNED_TTL.days if can_be_restored(signature) else None
    return _link_page("signatures/sign/disowned.html", signature, erased_within_days=days)


@blueprint.get("/c/<token>")
def confirm_page(token: str) -> tuple[str, int]:
    """Show the details to confirm. Changes nothing: mail scanners follow links too."""
    signature = get_by_confirm_token(token)
    if signature.state == SignatureState.DISOWNED:
        return _disowned_page(signature)
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        return _link_page("signatures/sign/closed.html", signature, 410)
    if signature.state not in (SignatureState.PENDING, SignatureState.CONFIRMED):
        raise ExpiredLink(signature)
    return _confirm_page(signature, token)


def _confirm_page(signature: Signature, token: str, status: int = 200, changed: bool = False) -> tuple[str, int]:
    body = render_template(
        "signatures/sign/confirm.html",
        petition=present_cached(signature.petition, current_language()),
        signature=present_for_signer(signature),
        token=tokens.strip_trailing_characters(token),
        seen=compute_fingerprint(signature),
        changed=changed,
    )
    return body, status


@blueprint.post("/c/<token>", endpoint="confirm")
@limit_token_posts
def confirm_link(token: str) -> Any:
    """Confirm what the page showed, once; later requests lead to the same page."""
    seen = request.form.get("seen", "")
    try:
        confirmed = confirm(token, seen)
    except DetailsChanged as error:
        # Somebody signed with this address while the page was open: show what the button would confirm now. Whoever
        # posts without the page's form has not read it: a scanner, a script.
        return _confirm_page(error.signature, token, 409 if seen else 422, changed=bool(seen))
    except ConfirmationClosed as error:
        return _link_page("signatures/sign/closed.html", error.signature, 410)
    except SignatureEnded as error:
        if error.signature.state == SignatureState.DISOWNED:
            return _disowned_page(error.signature)
        return _expired_page(error.signature)
    return redirect(url_for("personal.me", token=make_personal_token(confirmed), lang=explicit_language()), 303)


@blueprint.post("/c/<token>/disown", endpoint="disown")
@limit_token_posts
def disown_link(token: str) -> tuple[str, int]:
    """Disown a signature that the owner of the address did not make; one that counts takes a second step."""
    signature = get_by_confirm_token(token, lock=True)
    if signature.state == SignatureState.CONFIRMED and request.form.get("sure") != "yes":
        db.session.rollback()  # releases the lock
        return _link_page(
            "signatures/sign/disown.html",
            signature,
            token=tokens.strip_trailing_characters(token),
            confirmed_at=signature.confirmed_at,
            restored_within_days=DISOWNED_TTL.days,
        )
    disown(signature)
    db.session.commit()
    return _disowned_page(signature)


@blueprint.post("/c/<token>/resend")
@limit_token_posts
def resend(token: str) -> tuple[str, int]:
    """Send a new link to replace one that expired, to the address of the signature."""
    try:
        signature = get_by_confirm_token(token, lock=True)
    except ExpiredLink as error:
        if error.signature is None:
            raise
        signature = error.signature
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        return _link_page("signatures/sign/closed.html", signature, 410)
    enqueue_replacement_link(signature)
    db.session.commit()
    return _link_page("signatures/sign/link_sent.html", signature)
