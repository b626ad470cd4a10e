"""Public pages of the legal notice and the privacy notice: of the site, and of a petition."""

from flask import Blueprint, abort, make_response, render_template
from werkzeug import Response

from petition.core.exceptions import NotFound
from petition.core.i18n import current_language
from petition.petitions.legal.imprint import find_public_notice
from petition.petitions.legal.models import WHOLE_SITE
from petition.petitions.markdown import text_to_html
from petition.petitions.models import Petition, PetitionState
from petition.petitions.presenter import present
from petition.petitions.queries import get_cached
from petition.petitions.views.public import CACHE_CONTROL

ACCESS = "public"
blueprint = Blueprint("legal", __name__)
blueprint.add_app_template_filter(text_to_html, "markdown_html")


def _render(petition: Petition | None) -> Response:
    language = current_language()
    notice = find_public_notice(petition.id if petition else WHOLE_SITE)
    body = render_template(
        "petitions/legal/page.html",
        petition=present(petition, language) if petition else None,
        reply_to=petition.reply_to if petition else None,
        notice=notice,
        text=notice.text_in(language) if notice else None,
    )
    response = make_response(body)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


@blueprint.get("/legal")
def site() -> Response:
    """Show who publishes this site, and what becomes of data."""
    return _render(None)


@blueprint.get("/p/<slug>/legal")
def page(slug: str) -> Response:
    """Show who is behind a petition, as long as it is or was public."""
    try:
        petition = get_cached(slug)
    except NotFound:
        abort(404)
    if petition.state_now == PetitionState.DRAFT:
        abort(404)
    return _render(petition)
