"""The public list of signatories: turned page by page, by letter, by profession, searched by name."""

from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask_babel import format_decimal
from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.core.i18n import current_language, explicit_language
from petition.petitions.counters import get_count
from petition.petitions.models import Listing, Petition
from petition.petitions.presenter import PetitionPresenter, present
from petition.petitions.professions import list_equivalents
from petition.petitions.views.public import CACHE_CONTROL, get_public_or_404
from petition.safeguards.rate_limits import rate_limited
from petition.signatures.listing import list_pages
from petition.signatures.listing.list_pages import LETTERS, OTHER_LETTERS, ListView, browse, count_people, search
from petition.signatures.listing.public_list import list_organisations
from petition.signatures.listing.withheld import list_waiting

ACCESS = "public"
MAX_POSITION = 10**9
MAX_SEARCH_CHARACTERS = 120
blueprint = Blueprint("signatories", __name__)


@blueprint.get("/p/<slug>/signatories")
def page(slug: str) -> Response:
    """List those who agreed to be named."""
    petition, reporting = get_public_or_404(slug), "report" in request.args
    after, before = request.args.get("after"), request.args.get("before")
    if petition.listing == Listing.NONE:
        return _respond(petition, _render(petition, None))
    letter, profession = request.args.get("letter"), request.args.get("profession") or None
    if "" in (after, before) or (letter is not None and letter not in (*LETTERS, OTHER_LETTERS)):
        abort(404)
    shown = present(petition, current_language())
    professions = list_equivalents(shown.professions_by_language, profession) if profession else ()
    if profession and not professions:
        abort(404)
    view = ListView("name" in request.args, letter, professions)
    try:
        found = browse(petition, view, after, before)
    except ValidationError:
        abort(404)
    if (after or before) and not found.people:
        abort(404)
    whole = not letter and not professions
    total = count_people(petition) if whole else None
    first = _first_position(after or before)
    here = {
        "slug": slug, "lang": current_language(), "letter": letter, "profession": profession,
        "name": 1 if view.by_name else None, "report": 1 if reporting else None,
    }  # fmt: skip
    is_start = not after and (not before or first == 1)
    links = {
        "previous_url": _url(here, before=found.previous, start=max(first - list_pages.PAGE_SIZE, 1))
        if found.previous
        else None,
        "next_url": _url(here, after=found.next, start=first + len(found.people)) if found.next else None,
        "first_url": None if is_start else _url(here),
        "report_url": _url({**here, "report": None if reporting else 1}, after=after, before=before),
    }
    if links["previous_url"] and first <= list_pages.PAGE_SIZE + 1:
        links["previous_url"] = _url(here)
    position = (first, first + len(found.people) - 1) if found.people else None
    body = _render(
        petition, shown, people=found.people, view=view, letter=letter, profession=profession, position=position,
        total=total, reporting=reporting, start=is_start and whole and not view.by_name, **links,
    )  # fmt: skip
    return _respond(petition, body)


@blueprint.post("/p/<slug>/signatories")
@rate_limited("search", "60/minute")
def find(slug: str) -> str:
    """Search the list by name. By POST, so that no name is in a URL; changes nothing."""
    petition = get_public_or_404(slug)
    searched = " ".join(request.form.get("name", "")[:MAX_SEARCH_CHARACTERS].split())
    found = search(petition, searched)
    return _render(petition, None, people=found, searched=searched, view=ListView(), report_url=None)


def _first_position(cursor: str | None) -> int:
    """Return the position of the page's first name, which its link carries: 1 without a cursor."""
    start = request.args.get("start", "")
    return int(start) if cursor and start.isascii() and start.isdigit() and 0 < int(start) < MAX_POSITION else 1


def _url(here: dict[str, Any], **more: Any) -> str:
    return url_for("signatories.page", **{**here, **more})


def _render(petition: Petition, shown: PetitionPresenter | None, **context: Any) -> str:
    shown = shown or present(petition, current_language())
    return render_template(
        "signatures/signatories/signatories.html",
        petition=shown,
        count=get_count(petition),
        organisations=list_organisations(petition) if context.get("start") else [],
        letters=[(letter, letter.upper()) for letter in LETTERS] + [(OTHER_LETTERS, _("Others"))],
        withheld=list_waiting(petition),
        explicit_language=explicit_language(),
        title=_title(context),
        **context,
    )


def _title(context: dict[str, Any]) -> str:
    """Return a title of its own for each page of the list."""
    title = _("Signatories")
    if context.get("searched") is not None:
        return _("%(label)s: %(message)s", label=title, message=context["searched"])
    if context.get("letter"):
        named = _("Others") if context["letter"] == OTHER_LETTERS else context["letter"].upper()
        title = _("%(label)s: %(message)s", label=title, message=named)
    if context.get("profession"):
        title = _("%(label)s: %(message)s", label=title, message=context["profession"])
    position = context.get("position")
    return f"{title}, {format_decimal(position[0])}–{format_decimal(position[1])}" if position else title


def _respond(petition: Petition, body: str) -> Response:
    response: Response = current_app.make_response(body)
    if not petition.list_indexed:
        response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response
