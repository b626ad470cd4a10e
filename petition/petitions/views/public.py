"""Public pages of petitions: the text with its form, and the list of petitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core import clock
from petition.core.cache import get_or_create
from petition.core.exceptions import NotFound
from petition.core.i18n import LANGUAGES, current_language, explicit_language
from petition.core.languages.countries import country_of_timezone, list_countries_from
from petition.core.openapi import API_PREFIX, problem_response
from petition.core.security_headers import content_security_policy
from petition.core.web.assets import IMMUTABLE_CACHE_CONTROL
from petition.petitions.counters import get_count, get_counts
from petition.petitions.field_parsers import SLUG_PATTERN
from petition.petitions.images import read_image
from petition.petitions.lifecycle import PetitionArchived
from petition.petitions.models import Petition, PetitionState
from petition.petitions.partners.current import list_keys
from petition.petitions.presenter import present
from petition.petitions.queries import get_cached, list_public
from petition.petitions.sharing.channels import parse_channel
from petition.petitions.sharing.metadata import build_structured_data, og_locale
from petition.petitions.updates.timeline import list_published

ACCESS = "public"
# A shared cache may serve a page for five seconds; a browser asks again, so that signers see their confirmation.
CACHE_CONTROL = "public, max-age=0, s-maxage=5"
CHALLENGE_SCRIPT = "challenge.js"  # as in sign_form.html
PAGE_TEMPLATE, FRAME_TEMPLATE = "petitions/public/page.html", "petitions/public/frame.html"

blueprint = Blueprint("petitions", __name__)
blueprint.add_app_template_global(build_structured_data)
blueprint.add_app_template_global(og_locale)


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
    if not SLUG_PATTERN.fullmatch(slug):
        return _redirect_to_clean_path(slug)
    petition = get_public_or_404(slug)
    # Nothing else of the request is in the page: any other parameter would let a visitor fill the cache.
    via = parse_channel(request.args.get("via"), list_keys(petition))
    key = ("page", slug, petition.state_now, petition.asks_challenge, current_language(), explicit_language(), via)
    form = SignForm({"via": via}) if via else None
    response = make_response(get_or_create(key, lambda: render_page(petition, form).get_data()))
    _allow_challenge(response, petition)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


@blueprint.get("/p/<slug>/sign", endpoint="form")
def form_page(slug: str) -> Response:
    """Redirect to the form: a form with an error has this address, which people reload, copy and share."""
    get_public_or_404(slug)
    return redirect(url_for("petitions.page", slug=slug, lang=explicit_language(), _anchor="sign"), 303)


@blueprint.get("/p/<path:pasted>")
def pasted_address(pasted: str) -> Response:
    """Redirect from an address that was copied with a character too many (`/`, `.`, `)`, a space) to the right one."""
    return _redirect_to_clean_path(pasted)


def _redirect_to_clean_path(pasted: str) -> Response:
    """Redirect to the path under /p/ without what follows its last letter or digit, or answer 404."""
    end = len(pasted)
    while end and not (pasted[end - 1].isascii() and pasted[end - 1].isalnum()):
        end -= 1
    path = pasted[:end]
    slug, slash, rest = path.partition("/")
    slug = slug.lower()
    if f"{slug}{slash}{rest}" == pasted or not SLUG_PATTERN.fullmatch(slug):
        abort(404)
    petition = get_public_or_404(slug)
    address = url_for("petitions.page", slug=slug)
    kept = {"lang": explicit_language(), "via": parse_channel(request.args.get("via"), list_keys(petition))}
    query = urlencode({name: value for name, value in kept.items() if value})
    return redirect(f"{address}{slash}{quote(rest)}{'?' if query else ''}{query}", 302)


@blueprint.get("/images/<name>")
def image(name: str) -> Response:
    """Return an image of a petition's text."""
    content, media_type = read_image(name)
    response = make_response(content)
    response.mimetype = media_type
    response.headers["Cache-Control"] = IMMUTABLE_CACHE_CONTROL
    return response


@blueprint.app_errorhandler(PetitionArchived)
def archived(error: PetitionArchived) -> Response:
    """Answer 410 for an archived petition: what it was, when, and how many signed."""
    if request.path.startswith(API_PREFIX):
        return problem_response(410, str(error))
    petition = error.petition
    body = render_template(
        "petitions/public/archived.html", petition=present(petition, current_language()), count=get_count(petition)
    )
    response = make_response(body, 410)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


def get_public_or_404(slug: str) -> Petition:
    """Return an open or closed petition from the cache, or answer 404. Raises `PetitionArchived`."""
    try:
        petition = get_cached(slug)
    except NotFound:
        abort(404)
    if petition.state_now == PetitionState.ARCHIVED:
        raise PetitionArchived(petition)
    if petition.state_now == PetitionState.DRAFT:
        abort(404)
    return petition


def _language_links(slug: str, via: str | None) -> list[tuple[str, str, str]]:
    """Return (code, name, address) of the page in each language; nothing in an answer to POST."""
    if request.method == "POST":
        return []
    return [(code, name, url_for("petitions.page", slug=slug, lang=code, via=via)) for code, name in LANGUAGES.items()]


@dataclass(frozen=True)
class SignForm:
    """A submitted form: its values, the error of each field, and the email address that was probably meant."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    suggestion: str | None = None


def render_page(
    petition: Petition,
    form: SignForm | None = None,
    status: int = 200,
    *,
    template: str = PAGE_TEMPLATE,
    as_open: bool = False,
) -> Response:
    """Render the petition's page, with the submitted form and its errors if there is one.

    `template`: that of the page, or of the form alone for a frame on another site. `as_open`: as it will be once it is
    open, for the preview of a draft.
    """
    language = current_language()
    presented = present(petition, language)
    body = render_template(
        template,
        petition=replace(presented, state=PetitionState.OPEN.value, is_open=True) if as_open else presented,
        record=petition,  # for the template functions of the signatures feature
        count=get_count(petition),
        countries=list_countries_from(language, country_of_timezone(petition.timezone)),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
        today=clock.now().astimezone(ZoneInfo(petition.timezone)).date(),
        form=form or SignForm(),
        updates=list_published(petition, language),
        languages=_language_links(petition.slug, form.values.get("via") if form else None),
    )
    response = make_response(body, status)
    _allow_challenge(response, petition)
    return response


def _allow_challenge(response: Response, petition: Petition) -> None:
    """Let a page run the script that solves a challenge, if its form asks for that."""
    if petition.is_open and petition.asks_challenge:
        policy = content_security_policy(inline_scripts=[CHALLENGE_SCRIPT], workers=True)
        response.headers["Content-Security-Policy"] = policy
