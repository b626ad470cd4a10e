"""`/sitemap.xml` (https://www.sitemaps.org/protocol.html): every public page that search engines may index.

One file up to `IDS_PER_FILE` petitions, an index of files beyond: each has the petitions of a range of ids, so that
none is counted and each file is one short read. With four pages for each at most, a file stays below 50,000 addresses.
"""

from flask import Blueprint, Response, abort, make_response, render_template

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.core.web.assets import public_url_for
from petition.petitions.queries import LAST_PETITION_ID_SQL, SITEMAP_PETITIONS_SQL

ACCESS = "public"
IDS_PER_FILE = 10_000
CACHE_SECONDS = 60.0
CACHE_CONTROL = "public, max-age=3600"

blueprint = Blueprint("sitemap", __name__)


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """List the pages, or the files that do."""
    return _respond(get_or_create(("sitemap",), _render_first, CACHE_SECONDS))


@blueprint.get("/sitemap-<int(max=99999):number>.xml")
def part(number: int) -> Response:
    """List the pages of a range of petitions."""
    if number > _last_number():
        abort(404)
    return _respond(get_or_create(("sitemap", number), lambda: _render(number), CACHE_SECONDS))


def _last_number() -> int:
    return int(db.session.execute(LAST_PETITION_ID_SQL).scalar_one()) // IDS_PER_FILE


def _render_first() -> str:
    last = _last_number()
    if not last:
        return _render(0)
    files = [public_url_for("sitemap.part", number=number) for number in range(last + 1)]
    return render_template("petitions/sitemap/index.xml", files=files)


def _render(number: int) -> str:
    """Return the file of one range of ids, the first with the list of petitions itself."""
    start = number * IDS_PER_FILE
    rows = db.session.execute(SITEMAP_PETITIONS_SQL, {"start": start, "end": start + IDS_PER_FILE}).all()
    pages: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
    if number == 0:
        pages.append(("petitions.index", {}, tuple(LANGUAGES)))
    for row in rows:
        pages.append(("petitions.page", {"slug": row.slug}, tuple(row.languages)))
        if row.has_list:
            pages.append(("signatories.page", {"slug": row.slug}, tuple(row.languages)))
    addresses = [
        [(code, public_url_for(endpoint, **values, lang=code)) for code in languages]
        for endpoint, values, languages in pages
    ]
    return render_template("petitions/sitemap/pages.xml", pages=addresses)


def _respond(body: str) -> Response:
    response = make_response(body)
    response.mimetype = "application/xml"
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response
