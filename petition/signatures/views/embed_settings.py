"""The team's page on embedding a petition: the lines to copy, how the form will look, and which sites may show it."""

from flask import Blueprint, render_template, request

from petition.core.i18n import LANGUAGES
from petition.petitions.sharing.embed_code import build_element, build_frame
from petition.petitions.views.desk import get_or_404
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("embed_settings", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/<slug>/embed")
def show(slug: str) -> str:
    """Show how to embed a petition, in one of its languages."""
    petition = get_or_404(slug)
    language = request.args.get("language", "")
    if language not in petition.texts:
        language = petition.default_language
    return render_template(
        "signatures/embed_settings/show.html",
        petition=petition,
        language=language,
        text_languages={code: LANGUAGES[code] for code in LANGUAGES if code in petition.texts},
        element=build_element(petition, language),
        frame=build_frame(petition, language),
    )
