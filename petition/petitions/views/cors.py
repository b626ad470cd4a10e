"""Cross-origin requests to the JSON API (Fetch standard, CORS), from the sites that a petition lists.

Routes of one petition only, and without credentials. A signer's link is no matter of another site: `/confirmations` is
for programs and this site's own pages.
"""

from flask import Blueprint, Response, g, request

from petition.core.exceptions import NotFound
from petition.petitions.models import PetitionState
from petition.petitions.queries import get_cached

PREFLIGHT_MAX_AGE_SECONDS = 600


def allow_listed_sites(blueprint: Blueprint) -> None:
    """Let pages of the sites that a petition lists read the answers of a blueprint about it, errors too."""
    blueprint.before_request(_read_listed_origin)
    blueprint.after_request(_add_headers)


def _read_listed_origin() -> None:
    """Note the request's origin if the petition lists it, before anything can fail."""
    origin, slug = request.headers.get("Origin"), (request.view_args or {}).get("slug")
    if origin is None or slug is None:
        return
    try:
        petition = get_cached(slug)
    except NotFound:
        return
    if petition.state_now != PetitionState.DRAFT and origin in petition.embed_origins:
        g.listed_origin = origin


def _add_headers(response: Response) -> Response:
    response.vary.add("Origin")
    if (origin := g.get("listed_origin")) is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE_SECONDS)
    return response
