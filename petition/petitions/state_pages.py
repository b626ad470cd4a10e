"""Opening, closing and archiving: what it would do first, then the button."""

from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.petitions import publish
from petition.petitions.count import count_of
from petition.petitions.manage import held
from petition.petitions.models import CLOSED, CONFIRM_AFTER_CLOSING, Petition
from petition.team import audit
from petition.team.access import guard
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
CHANGES = {"open": publish.open_, "close": publish.close, "archive": publish.archive}
blueprint = Blueprint("campaign_states", __name__, url_prefix="/desk/petitions")
guard(blueprint, CAMPAIGNER)


def _words(petition: Petition, change: str) -> dict[str, str]:
    reopens = petition.state_now == CLOSED
    return {
        "open": {
            "title": _("Open again") if reopens else _("Open"),
            "done": _("It is open: people can sign."),
            "refused": _(
                "It cannot be opened: an archived petition stays closed, and one whose closing date has passed needs "
                "a later one first."
            ),
        },
        "close": {
            "title": _("Close"),
            "done": _("It is closed: nobody can sign any more."),
            "refused": _("Only an open petition can be closed."),
        },
        "archive": {
            "title": _("Archive"),
            "done": _("It is archived: its public pages are gone, its signatures are kept."),
            "refused": _("Only a closed petition can be archived."),
        },
    }[change]


def _page(petition: Petition, change: str, status: int = 200, **more: Any) -> Response:
    body = render_template(
        "petitions/state.html",
        petition=petition,
        change=change,
        words=_words(petition, change),
        count=count_of(petition),
        text=petition.text_in(petition.default_language),
        honoured_until=clock.now() + CONFIRM_AFTER_CLOSING,
        **more,
    )
    return make_response(body, status)


@blueprint.get("/<slug>/state/<change>")
def ask(slug: str, change: str) -> Response:
    """Show what a change of state would do."""
    if change not in CHANGES:
        abort(404)
    return _page(held(slug), change)


@blueprint.post("/<slug>/state/<change>")
def do(slug: str, change: str) -> Response:
    """Change the state, if the petition still is what was shown."""
    if change not in CHANGES:
        abort(404)
    petition = held(slug, lock=True)
    if request.form.get("version", type=int) != petition.version:
        return _page(petition, change, 409, stale=True)
    words, before = _words(petition, change), petition.state_now
    try:
        CHANGES[change](petition)
    except Refusal:
        db.session.rollback()
        return _page(petition, change, 422, refused=words["refused"])
    audit.record(
        "petition.state", "petition", petition.slug, before={"state": before}, after={"state": petition.state_now}
    )
    db.session.commit()
    flash(words["done"], "success")
    return redirect(url_for("campaigns.editor", slug=petition.slug), 303)
