"""Public pages of a petition's timeline, and its feed."""

from flask import Blueprint, make_response, render_template
from werkzeug import Response

from petition.core.cache import get_or_create
from petition.core.i18n import current_language, explicit_language
from petition.petitions.presenter import present
from petition.petitions.updates.feed import MEDIA_TYPE, build_feed
from petition.petitions.updates.labels import update_kind_labels
from petition.petitions.updates.timeline import build_timeline, list_published
from petition.petitions.views.public import CACHE_CONTROL, get_public_or_404

ACCESS = "public"
blueprint = Blueprint("petition_timeline", __name__, url_prefix="/p")
blueprint.add_app_template_global(update_kind_labels)


@blueprint.get("/<slug>/updates")
def page(slug: str) -> Response:
    """Show everything that happened, newest first."""
    petition, language = get_public_or_404(slug), current_language()

    def render() -> str:
        return render_template(
            "petitions/timeline/page.html",
            petition=present(petition, language),
            entries=build_timeline(petition, language),
        )

    key = ("updates page", slug, petition.state_now, language, explicit_language())
    response = make_response(get_or_create(key, render))
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


@blueprint.get("/<slug>/updates.atom")
def feed(slug: str) -> Response:
    """Return the feed in one language."""
    petition, language = get_public_or_404(slug), current_language()

    def build() -> bytes:
        return build_feed(present(petition, language), list_published(petition, language), language)

    response = make_response(get_or_create(("feed", slug, language), build))
    response.headers["Content-Type"] = f"{MEDIA_TYPE}; charset=utf-8"
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response
