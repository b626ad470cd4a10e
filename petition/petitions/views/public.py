"""Public pages of petitions: the text with its form, and the list of petitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, abort, current_app, make_response, render_template, request, url_for
from werkzeug import Response

from petition.core.cache import get_or_create
from petition.core.countries import list_countries
from petition.core.exceptions import NotFound
from petition.core.i18n import LANGUAGES, current_language, explicit_language
from petition.petitions.counters import get_count, get_counts
from petition.petitions.models import Petition, PetitionState
from petition.petitions.presenter import present
from petition.petitions.queries import get_cached, list_public

ACCESS = "public"
# A shared cache may serve a page for five seconds; a browser asks again, so that signers see their confirmation.
CACHE_CONTROL = "public, max-age=0, s-maxage=5"

blueprint = Blueprint("petitions", __name__)


@blueprint.get("/")
def index() -> str:
    """List the public petitions."""
    shown, language = list_public(), current_language()
    counted = get_counts(shown)
    return render_template(
        "petitions/public/index.html", petitions=[(present(p, language), counted[p.id]) for p in shown]
    )


@blueprint.get("/p/<slug>")
def page(slug: str) -> Response:
    """Show a petition: its text, count, signatories and form."""
    petition = get_public_or_404(slug)
    # Nothing else of the request is in the page: any other parameter would let a visitor fill the cache.
    key = ("page", slug, petition.state_now, current_language(), explicit_language())
    response = make_response(get_or_create(key, lambda: render_page(petition).get_data()))
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


def get_public_or_404(slug: str) -> Petition:
    """Return an open or closed petition from the cache, or answer 404."""
    try:
        petition = get_cached(slug)
    except NotFound:
        abort(404)
    if petition.state_now in (PetitionState.DRAFT, PetitionState.ARCHIVED):
        abort(404)
    return petition


def _language_links(slug: str) -> list[tuple[str, str, str]]:
    """Return (code, name, address) of the page in each language; nothing in an answer to POST."""
    if request.method == "POST":
        return []
    return [(code, name, url_for("petitions.page", slug=slug, lang=code)) for code, name in LANGUAGES.items()]


@dataclass(frozen=True)
class SignForm:
    """A submitted form: its values, the error of each field, and the email address that was probably meant."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    suggestion: str | None = None


def render_page(
    petition: Petition, form: SignForm | None = None, status: int = 200, *, as_open: bool = False
) -> Response:
    """Render the petition's page, with the submitted form and its errors if there is one.

    `as_open`: as it will be once it is open, for the preview of a draft.
    """
    language = current_language()
    presented = present(petition, language)
    body = render_template(
        "petitions/public/page.html",
        petition=replace(presented, state=PetitionState.OPEN.value, is_open=True) if as_open else presented,
        record=petition,  # for the template functions of the signatures feature
        count=get_count(petition),
        countries=list_countries(language),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
        form=form or SignForm(),
        languages=_language_links(petition.slug),
    )
    return make_response(body, status)
