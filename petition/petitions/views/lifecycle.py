"""Opening, closing and archiving: what it would do first, then the button."""

from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.petitions.models import CONFIRMATION_GRACE_PERIOD, Petition, PetitionState
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
TRANSITIONS = {"open": lifecycle.open_, "close": lifecycle.close, "archive": lifecycle.archive}
blueprint = Blueprint("campaign_states", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)


def _transition_labels(petition: Petition, change: str) -> dict[str, str]:
    reopens = petition.state_now == PetitionState.CLOSED
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


def _render_transition(petition: Petition, change: str, status: int = 200, **more: Any) -> Response:
    body = render_template(
        "petitions/state.html",
        petition=petition,
        change=change,
        words=_transition_labels(petition, change),
        count=get_count(petition),
        text=petition.text_in(petition.default_language),
        honoured_until=clock.now() + CONFIRMATION_GRACE_PERIOD,
        **more,
    )
    return make_response(body, status)


@blueprint.get("/<slug>/state/<change>")
def ask(slug: str, change: str) -> Response:
    """Show what a change of state would do."""
    if change not in TRANSITIONS:
        abort(404)
    return _render_transition(get_or_404(slug), change)


@blueprint.post("/<slug>/state/<change>")
def do(slug: str, change: str) -> Response:
    """Change the state, if the petition still is what was shown."""
    if change not in TRANSITIONS:
        abort(404)
    petition = get_or_404(slug, lock=True)
    if request.form.get("version", type=int) != petition.version:
        return _render_transition(petition, change, 409, stale=True)
    words, before = _transition_labels(petition, change), petition.state_now
    try:
        TRANSITIONS[change](petition)
    except DomainError:
        db.session.rollback()
        return _render_transition(petition, change, 422, refused=words["refused"])
    audit.record(
        "petition.state", "petition", petition.slug, before={"state": before}, after={"state": petition.state_now}
    )
    db.session.commit()
    flash(words["done"], "success")
    return redirect(url_for("campaigns.editor", slug=petition.slug), 303)
