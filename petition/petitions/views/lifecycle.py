"""Pages that open, close, archive a petition, put it back, mark it as won: a page says what its button will do."""

from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition
from petition.core.i18n import current_language
from petition.core.optimistic_lock import EditConflict, require_version
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.petitions.editing import edit_form
from petition.petitions.labels import transition_labels
from petition.petitions.models import CONFIRMATION_GRACE_PERIOD, Petition
from petition.petitions.partners.models import PartnerRole
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
TRANSITIONS = {
    "open": lifecycle.open_, "close": lifecycle.close, "archive": lifecycle.archive, "restore": lifecycle.restore,
    "won": lifecycle.mark_won, "not-won": lifecycle.unmark_won,
}  # fmt: skip
blueprint = Blueprint("petition_lifecycle", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, partners=dict.fromkeys(("ask", "do"), PartnerRole.OWNER))


def _render_transition(petition: Petition, change: str, status: int = 200, **more: Any) -> Response:
    body = render_template(
        "petitions/lifecycle/change.html",
        petition=petition,
        change=change,
        labels=transition_labels(petition, change),
        possible=change in lifecycle.list_possible_changes(petition),
        count=get_count(petition),
        missing=edit_form.find_missing(petition) if change == "open" else [],
        text=petition.titled_text_in(current_language()),
        links_valid_until=clock.now() + CONFIRMATION_GRACE_PERIOD,
        **more,
    )
    return make_response(body, status)


def _describe_state(petition: Petition) -> dict[str, str]:
    return {"state": petition.state_now} | ({"won": "yes"} if petition.won_at else {})


@blueprint.get("/<slug>/state/<change>")
def ask(slug: str, change: str) -> Response:
    """Show what a change of state would do."""
    if change not in TRANSITIONS:
        abort(404)
    return _render_transition(get_or_404(slug), change)


@blueprint.post("/<slug>/state/<change>")
def do(slug: str, change: str) -> Response:
    """Change the state, unless the petition changed since the page was shown."""
    if change not in TRANSITIONS:
        abort(404)
    petition = get_or_404(slug, lock=True)
    labels, before = transition_labels(petition, change), _describe_state(petition)
    try:
        require_version(petition.version, request.form.get("version"))
        TRANSITIONS[change](petition)
    except EditConflict:
        return _render_transition(petition, change, 409, stale=True)
    except lifecycle.Incomplete:
        db.session.rollback()
        return _render_transition(petition, change, 422)
    except InvalidTransition:
        db.session.rollback()
        return _render_transition(petition, change, 422, error=labels["impossible"])
    audit.record("petition.state", "petition", petition.slug, before=before, after=_describe_state(petition))
    db.session.commit()
    flash(labels["done"], "success")
    return redirect(url_for("desk_campaign.overview", slug=petition.slug), 303)
