"""The public pages of petitions: the letter with its form, and the list of what can be signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, current_app, make_response, render_template, request
from werkzeug import Response

from petition.core.countries import countries
from petition.core.errors import Gone
from petition.core.i18n import current_language, explicit_language
from petition.core.shelf import kept
from petition.petitions.count import count_of, counts
from petition.petitions.models import ARCHIVED, DRAFT, Petition
from petition.petitions.publish import known, public
from petition.petitions.view import view

ACCESS = "public"
# A cache in front may keep it five seconds; a browser asks again, so that who has just confirmed sees the count move.
CACHE = "public, max-age=0, s-maxage=5"

blueprint = Blueprint("petitions", __name__)


@blueprint.get("/")
def index() -> str:
    """Show what can be signed."""
    shown, language = public(), current_language()
    counted = counts(shown)
    return render_template("petitions/index.html", petitions=[(view(p, language), counted[p.id]) for p in shown])


@blueprint.get("/p/<slug>")
def page(slug: str) -> Response:
    """Show the letter, its count, its signatories and the form."""
    petition = visible(slug)
    # The page's links to its other languages keep the query.
    key = ("page", slug, petition.state_now, current_language(), explicit_language(), request.query_string)
    response = make_response(kept(key, lambda: render_page(petition).get_data()))
    response.headers["Cache-Control"] = CACHE
    response.vary.add("Accept-Language")
    return response


def visible(slug: str) -> Petition:
    """Return a petition that strangers may see, or answer 404."""
    try:
        petition = known(slug)
    except Gone:
        abort(404)
    if petition.state_now in (DRAFT, ARCHIVED):
        abort(404)
    return petition


@dataclass(frozen=True)
class Form:
    """A form as it was typed: what to correct in it, by field, and an address that was probably meant."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    suggestion: str | None = None


def render_page(petition: Petition, form: Form | None = None, status: int = 200) -> Response:
    """Return the petition's page, with a form as it was typed and what to correct in it."""
    language = current_language()
    body = render_template(
        "petitions/page.html",
        petition=view(petition, language),
        record=petition,  # for what the signatures feature adds to this page
        count=count_of(petition),
        countries=countries(language),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
        form=form or Form(),
    )
    return make_response(body, status)
