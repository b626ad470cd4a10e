"""Documents at the desk: what is public, and the dossiers that were made to hand over."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.exports.documents import dossiers
from petition.exports.documents.download import send_dossier
from petition.exports.documents.models import DossierState
from petition.petitions.models import Petition, PetitionState
from petition.petitions.views.desk import get_or_404
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("desk_documents", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)


def _render(petition: Petition, status: int = 200, error: str | None = None) -> Response:
    found = dossiers.list_dossiers(petition)
    body = render_template(
        "exports/desk_documents/index.html", petition=petition, dossiers=found, error=error, all_languages=LANGUAGES,
        is_public=petition.state_now in (PetitionState.OPEN, PetitionState.CLOSED),
        is_waiting=any(one.state == DossierState.WAITING for one in found),
    )  # fmt: skip
    return make_response(body, status)


@blueprint.get("/<slug>/documents")
def index(slug: str) -> Response:
    """Lead to the public documents, list the dossiers, and offer to make one."""
    return _render(get_or_404(slug))


@blueprint.post("/<slug>/documents")
def create(slug: str) -> Response:
    """Ask for a dossier."""
    petition, account = get_or_404(slug), current_account()
    try:
        dossiers.ask_for(petition, request.form.get("language", ""), (account.name or account.email) if account else "")
    except ValidationError as error:
        return _render(petition, 422, error.errors["language"])
    db.session.commit()
    if not dossiers.wake_maker():
        flash(_("The broker does not answer: the work begins when it is back."), "info")
    return redirect(url_for("desk_documents.index", slug=slug), 303)


@blueprint.post("/<slug>/documents/<int:dossier_id>")
def download(slug: str, dossier_id: int) -> Response:
    """Send a dossier as it was made. By POST, as the audit trail records who fetched it."""
    return send_dossier(get_or_404(slug), dossier_id)
