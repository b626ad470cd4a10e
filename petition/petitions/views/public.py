"""The public pages of petitions: the letter with its form, and the list of what can be signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, current_app, make_response, render_template, request
from werkzeug import Response

from petition.core.cache import get_or_create
from petition.core.countries import list_countries
from petition.core.exceptions import NotFound
from petition.core.i18n import current_language, explicit_language
from petition.petitions.counters import get_count, get_counts
from petition.petitions.models import Petition, PetitionState
from petition.petitions.presenter import present
from petition.petitions.queries import get_cached, list_public

ACCESS = "public"
# A cache in front may keep it five seconds; a browser asks again, so that who has just confirmed sees the count move.
CACHE_CONTROL = "public, max-age=0, s-maxage=5"

blueprint = Blueprint("petitions", __name__)


@blueprint.get("/")
def index() -> str:
    """Show what can be signed."""
    shown, language = list_public(), current_language()
    counted = get_counts(shown)
    return render_template("petitions/index.html", petitions=[(present(p, language), counted[p.id]) for p in shown])


@blueprint.get("/p/<slug>")
def page(slug: str) -> Response:
    """Show the letter, its count, its signatories and the form."""
    petition = get_public_or_404(slug)
    # The page's links to its other languages keep the query.
    key = ("page", slug, petition.state_now, current_language(), explicit_language(), request.query_string)
    response = make_response(get_or_create(key, lambda: render_page(petition).get_data()))
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


def get_public_or_404(slug: str) -> Petition:
    """Return a petition that strangers may see, or answer 404."""
    try:
        petition = get_cached(slug)
    except NotFound:
        abort(404)
    if petition.state_now in (PetitionState.DRAFT, PetitionState.ARCHIVED):
        abort(404)
    return petition


@dataclass(frozen=True)
class SignForm:
    """A form as it was typed: what to correct in it, by field, and an address that was probably meant."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    suggestion: str | None = None


def render_page(petition: Petition, form: SignForm | None = None, status: int = 200) -> Response:
    """Return the petition's page, with a form as it was typed and what to correct in it."""
    language = current_language()
    body = render_template(
        "petitions/page.html",
        petition=present(petition, language),
        record=petition,  # for what the signatures feature adds to this page
        count=get_count(petition),
        countries=list_countries(language),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
        form=form or SignForm(),
    )
    return make_response(body, status)
