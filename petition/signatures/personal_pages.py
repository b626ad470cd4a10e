"""The signer's own page: how the signature shows, news on or off, withdraw, my data, erase."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core import clock, tokens
from petition.core.db import db
from petition.core.errors import Refusal
from petition.core.i18n import current_language, explicit_language
from petition.petitions.count import count_of
from petition.petitions.view import last_view, view
from petition.safeguards.throttle import following
from petition.signatures.links import by_personal_token
from petition.signatures.models import CONFIRMED, Signature
from petition.signatures.shown import shown
from petition.signatures.withdraw import display, erase, receive_updates, send_personal_link, withdraw

ACCESS = "holder of the link"
NOTICES = ("saved", "sent", "updates_on", "updates_off")
JUST_NOW = timedelta(minutes=5)

blueprint = Blueprint("personal", __name__)


@blueprint.get("/me/<token>")
def me(token: str) -> str:
    """Show signers their own signature."""
    signature, notice = by_personal_token(token), request.args.get("notice")
    if notice in NOTICES:
        return _page(signature, token, notice)
    # Whoever has just confirmed is thanked, without a mark in the address that would thank them for ever.
    is_new = signature.state == CONFIRMED and signature.confirmed_at and clock.now() - signature.confirmed_at < JUST_NOW
    return _page(signature, token, "confirmed" if is_new else None)


def _page(signature: Signature, token: str, notice: str | None, **refused: Any) -> str:
    return render_template(
        "signatures/me.html",
        petition=last_view(signature.petition, current_language()),
        signature=shown(signature),
        token=tokens.mend(token),
        count=count_of(signature.petition),
        notice=notice,
        **refused,
    )


def _back(token: str, notice: str | None = None) -> Response:
    return redirect(url_for("personal.me", token=tokens.mend(token), notice=notice, lang=explicit_language()), 303)


@blueprint.post("/me/<token>/display")
@following
def me_display(token: str) -> Any:
    """Change the role that is shown, and whether the name is listed."""
    signature = by_personal_token(token, lock=True)
    try:
        display(signature, request.form.get("profession"), request.form.get("listed") in ("on", "true", "1"))
    except Refusal as refusal:
        db.session.rollback()
        return _page(signature, token, None, errors=refusal.errors, typed=request.form), 422
    db.session.commit()
    return _back(token, "saved")


@blueprint.post("/me/<token>/updates")
@following
def me_updates(token: str) -> Response:
    """Turn the campaign's news on or off."""
    wanted = request.form.get("updates") in ("on", "true", "1")
    receive_updates(by_personal_token(token, lock=True), wanted)
    db.session.commit()
    return _back(token, "updates_on" if wanted else "updates_off")


@blueprint.post("/me/<token>/withdraw")
@following
def me_withdraw(token: str) -> Response:
    """Take the signature back."""
    withdraw(by_personal_token(token, lock=True))
    db.session.commit()
    return _back(token)


@blueprint.post("/me/<token>/resend")
@following
def me_resend(token: str) -> Response:
    """Send the link to this page again."""
    send_personal_link(by_personal_token(token, lock=True))
    db.session.commit()
    return _back(token, "sent")


@blueprint.get("/me/<token>/data")
def me_data(token: str) -> Response:
    """Give signers everything that is kept about them (GDPR, articles 15 and 20)."""
    signature = by_personal_token(token)
    hidden = {
        "id",
        "petition_id",
        "generation",
        "valid_from",
        "updates_wording_id",
        "email_canonical",
        "confirmed_no",
    }
    data = {c.key: getattr(signature, c.key) for c in Signature.__table__.columns if c.key not in hidden}
    response = jsonify({"petition": signature.petition.slug, **data})
    response.headers["Content-Disposition"] = "attachment; filename=signature.json"
    return response


@blueprint.post("/me/<token>/erase")
@following
def me_erase(token: str) -> str:
    """Erase the signature and everything about its signer."""
    signature = by_personal_token(token, lock=True)
    petition = view(signature.petition, current_language())
    erase(signature)
    db.session.commit()
    return render_template("signatures/erased.html", petition=petition)
