"""Confirm by link: the page behind it, the button, and what a link that no longer works leads to."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.i18n import LANGUAGES, current_language, explicit_language, set_reader_language
from petition.petitions.field_parsers import SLUG_PATTERN
from petition.petitions.presenter import present_cached
from petition.safeguards.rate_limits import limit_token_posts, network_hashes
from petition.signatures.abuse.presses import AGAIN, SHOWN, Press, make_stamp
from petition.signatures.confirm import (
    ConfirmationClosed,
    DetailsChanged,
    LooksAutomatic,
    SignatureEnded,
    can_be_restored,
    confirm,
)
from petition.signatures.fingerprint import compute_fingerprint
from petition.signatures.links import (
    AnonymisedLink,
    ExpiredLink,
    LinkProblem,
    LinkTarget,
    UnknownLink,
    get_by_confirm_token,
    make_personal_token,
)
from petition.signatures.models import CONFIRMED_STATES, Signature, SignatureState
from petition.signatures.personal.presenter import present_for_signer
from petition.signatures.personal.self_service import enqueue_replacement_link
from petition.signatures.retention import DISOWNED_TTL

ACCESS = "public"
blueprint = Blueprint("confirm", __name__)


def link_page(template: str, of: Signature | None, status: int = 200, **context: Any) -> tuple[str, int]:
    """Render a page of a link, with the petition of the signature that it is of."""
    petition = present_cached(of.petition, current_language()) if of else None
    return render_template(template, petition=petition, **context), status


@blueprint.app_errorhandler(ExpiredLink)
@blueprint.app_errorhandler(UnknownLink)
def handle_invalid_link(error: ExpiredLink | UnknownLink) -> tuple[str, int]:
    """Answer a link that is not valid: 404 if it is not one of ours, 410 if it expired or its data is erased."""
    db.session.rollback()
    if isinstance(error, UnknownLink):
        return link_page("signatures/confirm/link_invalid.html", None, 404)
    if isinstance(error, AnonymisedLink):
        petition = present_cached(error.petition, current_language())
        return render_template("signatures/confirm/anonymised.html", petition=petition), 410
    return _expired_page(error)


def _expired_page(error: ExpiredLink) -> tuple[str, int]:
    """Say why a link no longer works, in the signer's language, and offer what can be done about it."""
    signature = error.signature
    state = signature.state if signature else None
    set_reader_language(error.locale)
    if signature and error.problem == LinkProblem.DISOWNED:
        return disowned_page(signature, None)
    is_confirm_link = request.path.startswith("/c/")
    return link_page(
        "signatures/confirm/link_expired.html",
        signature,
        410,
        problem=error.problem,
        token=tokens.strip_trailing_characters((request.view_args or {}).get("token", "")),
        can_resend=is_confirm_link and state in (SignatureState.PENDING, *CONFIRMED_STATES),
        is_confirmed=state in CONFIRMED_STATES,
        confirmed_on=local_day(signature, signature.confirmed_at) if signature else None,
        ended_on=local_day(signature, signature.ended_at) if signature else None,
        confirm_within=current_app.config["CONFIRM_WITHIN"],
    )


def local_day(signature: Signature, moment: datetime | None) -> date | None:
    """Return the day of a moment where the petition is."""
    return moment.astimezone(ZoneInfo(signature.petition.timezone)).date() if moment else None


def get_signature(token: str, *, lock: bool = False) -> Signature:
    """Return the signature of a confirmation link, and answer in its language."""
    signature = get_by_confirm_token(token, lock=lock)
    set_reader_language(signature.locale)
    return signature


def disowned_page(signature: Signature, token: str | None) -> tuple[str, int]:
    """Say that it was disowned, and offer to take that back; `token`: of a link that still works."""
    return link_page(
        "signatures/confirm/disowned.html",
        signature,
        token=tokens.strip_trailing_characters(token) if token and signature.email else None,
        is_kept=bool(signature.email),
        restored_within_days=DISOWNED_TTL.days if can_be_restored(signature) else None,
        confirm_within=current_app.config["CONFIRM_WITHIN"],
    )


@blueprint.get("/c/<token>")
def confirm_page(token: str) -> tuple[str, int]:
    """Show the details to confirm. Changes nothing: mail scanners follow links too."""
    signature = get_signature(token)
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        return closed_page(signature)
    if signature.state == SignatureState.DISOWNED:
        return disowned_page(signature, token)
    if signature.state != SignatureState.PENDING and not signature.is_confirmed:
        raise ExpiredLink(signature, LinkProblem.EXPIRED)
    return confirm_page_of(signature, token)


def closed_page(signature: Signature) -> tuple[str, int]:
    """Say that the signature can no longer be confirmed."""
    return link_page("signatures/confirm/closed.html", signature, 410)


def confirm_page_of(
    signature: Signature, token: str, status: int = 200, *, changed: bool = False, again: bool = False
) -> tuple[str, int]:
    """Show the details of a signature, and the button that confirms them.

    `changed`: they did since they were read. `again`: it is pressed once more, as the press before may be a machine's.
    """
    body = render_template(
        "signatures/confirm/confirm.html",
        petition=present_cached(signature.petition, current_language()),
        signature=present_for_signer(signature),
        token=tokens.strip_trailing_characters(token),
        seen=compute_fingerprint(signature),
        passed_on_to=signature.petition.passes_on_to if signature.passed_on else None,
        confirmed_on=local_day(signature, signature.confirmed_at),
        changed=changed,
        again=again,
        stamp=make_stamp(AGAIN if again else SHOWN, signature.id),
    )
    return body, status


@blueprint.post("/c/<token>")
@limit_token_posts
def confirm_link(token: str) -> Any:
    """Confirm what the page showed, once; later requests lead to the same page."""
    seen = request.form.get("seen", "")
    try:
        confirmed = confirm(token, seen, Press(network_hashes(), request.form.get("stamp", "")))
    except DetailsChanged as error:
        # Somebody signed with this address while the page was open: show what the button would confirm now. Whoever
        # posts without the page's form has not read it: a scanner, a script.
        set_reader_language(error.signature.locale)
        return confirm_page_of(error.signature, token, 409 if seen else 422, changed=bool(seen))
    except LooksAutomatic as error:
        set_reader_language(error.signature.locale)
        return confirm_page_of(error.signature, token, again=True)
    except ConfirmationClosed as error:
        set_reader_language(error.signature.locale)
        return closed_page(error.signature)
    except SignatureEnded as error:
        if error.signature.state == SignatureState.DISOWNED:
            set_reader_language(error.signature.locale)
            return disowned_page(error.signature, token)
        return _expired_page(ExpiredLink(error.signature, LinkProblem.EXPIRED))
    return redirect_to_confirmed(confirmed)


def redirect_to_confirmed(confirmed: LinkTarget) -> Response:
    """Lead to what follows a confirmation: the personal page, or from our own pages the thanks."""
    if SLUG_PATTERN.fullmatch(thanks := request.form.get("thanks", "")):
        # From our own page: to one without a token in its address, which people share.
        language = request.form.get("locale")
        language = language if language in LANGUAGES else None
        return redirect(url_for("thank_you.page", slug=thanks, lang=language), 303)
    return redirect(url_for("personal_page.me", token=make_personal_token(confirmed), lang=explicit_language()), 303)


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
    set_reader_language(signature.locale)
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        return closed_page(signature)
    enqueue_replacement_link(signature)
    db.session.commit()
    return link_page("signatures/confirm/link_sent.html", signature)
