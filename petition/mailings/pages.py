"""What readers of a mailing see: how to stop the updates, and the mailings that were made public."""

from typing import Any

from flask import Blueprint, abort, render_template, request

from petition.core import tokens
from petition.core.db import db
from petition.core.errors import Gone
from petition.core.i18n import current_language
from petition.mailings import archive
from petition.mailings.models import ALL, THESE, WITHDRAW
from petition.mailings.unsubscribe import Reader, is_stopped, reader, unsubscribe
from petition.petitions.models import Petition
from petition.petitions.view import view
from petition.signatures.models import CONFIRMED

ACCESS = "public"
TEST = "test"  # in place of a token, in what colleagues get
blueprint = Blueprint("mailings", __name__)


def _reader(token: str, *, lock: bool = False) -> Reader:
    try:
        return reader(token, lock=lock)
    except Gone:
        abort(404)


def _page(who: Reader, token: str, done: str | None) -> str:
    petition = db.session.get(Petition, who.delivery.petition_id)
    return render_template(
        "mailings/unsubscribe.html",
        petition=view(petition, current_language()) if petition else None,
        token=tokens.mend(token),
        done=done,
        erased=who.signature is None,
        more=bool(done) and done == THESE and who.signature is not None,
        can_withdraw=who.signature is not None and who.signature.state == CONFIRMED,
        test=False,
    )


@blueprint.get("/u/<token>")
def unsubscribe_page(token: str) -> str:
    """Ask for one press of a button: a link alone changes nothing."""
    if token == TEST:
        return render_template("mailings/unsubscribe.html", test=True, done=None, petition=None)
    who = _reader(token)
    return _page(who, token, THESE if is_stopped(who) else None)


@blueprint.post("/u/<token>", endpoint="unsubscribe")
def stop(token: str) -> Any:
    """Stop the updates, for a person or for a mail program (RFC 8058): no cookie, no token of a form, no redirect."""
    if token == TEST:
        return unsubscribe_page(token)
    choice = request.form.get("choice")
    chosen = choice if choice in (ALL, WITHDRAW) else THESE
    who = _reader(token, lock=True)
    unsubscribe(who, chosen)
    db.session.commit()
    return _page(_reader(token), token, chosen)


@blueprint.get("/mailings/<int:mailing_id>")
def archived(mailing_id: int) -> str:
    """Show a mailing that was sent and made public, without anything of its readers."""
    try:
        mailing = archive.find(mailing_id)
    except Gone:
        abort(404)
    return render_template("mailings/archive.html", **archive.shown(mailing, current_language()))
