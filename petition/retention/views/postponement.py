"""The form of the desk that postpones an anonymisation, for administrators."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.petitions import queries as petition_queries
from petition.retention import announcements
from petition.retention.views.desk import parse_day, refuse
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "admin"
blueprint = Blueprint("postponement", __name__, url_prefix="/desk")
require_roles(blueprint, TeamRole.ADMIN)


@blueprint.post("/petitions/<slug>/data-kept/postponed")
def postpone(slug: str) -> Response:
    """Postpone the anonymisation, with a reason."""
    petition = petition_queries.find_by_slug(slug, lock=True)
    try:
        until = parse_day(request.form.get("until", "").strip(), "until")
        announcements.postpone(petition, until, request.form.get("reason", ""))
    except DomainError as error:
        return refuse(slug, error)
    db.session.commit()
    flash(_("It is postponed. The team is notified again 30 days before."), "success")
    return redirect(url_for("data_kept.show", slug=slug), 303)
