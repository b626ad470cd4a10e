"""Public documents: served as a worker made them, with an ETag; a page says so where one is being made."""

from flask import Blueprint, abort, make_response, render_template, request, url_for
from werkzeug import Response

from petition.core.i18n import current_language
from petition.core.security_headers import content_security_policy
from petition.exports.documents import store
from petition.exports.documents.models import DocumentKind
from petition.petitions.models import Listing, Petition
from petition.petitions.presenter import present
from petition.petitions.views.public import get_public_or_404

ACCESS = "public"
CACHE_CONTROL = "public, max-age=60"  # no shorter than a document is fresh
RETRY_SECONDS = 2
WAITING_SCRIPT = "preparing.js"  # as in preparing.html
blueprint = Blueprint("documents", __name__)


@blueprint.get("/p/<slug>/letter.pdf")
def letter(slug: str) -> Response:
    """Return the letter, laid out as one."""
    return _serve(slug, DocumentKind.LETTER)


@blueprint.get("/p/<slug>/signatories.pdf")
def signatories(slug: str) -> Response:
    """Return the list of those who agreed to be named."""
    return _serve(slug, DocumentKind.SIGNATORIES)


@blueprint.get("/p/<slug>/poster.pdf")
def poster(slug: str) -> Response:
    """Return a poster, A4 or with `?format=a3` A3."""
    return _serve(slug, DocumentKind.POSTER_A3 if request.args.get("format") == "a3" else DocumentKind.POSTER)


@blueprint.get("/p/<slug>/sheet.pdf")
def sheet(slug: str) -> Response:
    """Return a sheet for signatures on paper."""
    return _serve(slug, DocumentKind.SHEET)


@blueprint.get("/p/<slug>/card.png")
def card(slug: str) -> Response:
    """Return the picture that other sites show beside a link."""
    return _serve(slug, DocumentKind.CARD)


def _serve(slug: str, kind: DocumentKind) -> Response:
    """Return a document as it was last made, and ask for a newer one where that is due."""
    petition, language = get_public_or_404(slug), current_language()
    if kind == DocumentKind.SIGNATORIES and petition.listing == Listing.NONE:
        abort(404)
    status = store.find(petition, kind, language)
    is_due = not store.is_fresh(status, petition) and (status is None or status.requested_at is None)
    if is_due and _is_read():
        store.request(petition, kind, language)
    if status is None or not store.is_servable(status, kind):
        return _say_when(petition, failed=bool(status and status.failed_at and store.is_fresh(status, petition)))
    response = make_response(b"")
    response.set_etag(status.digest or "")
    response.mimetype = "image/png" if kind == DocumentKind.CARD else "application/pdf"
    response.last_modified = status.made_at
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.headers["Content-Language"] = language
    response.vary.add("Accept-Language")
    ending = "png" if kind == DocumentKind.CARD else "pdf"
    response.headers["Content-Disposition"] = f"inline; filename={slug}-{kind.value}-{language}.{ending}"
    if kind in store.NAMING_KINDS and not petition.list_indexed:
        response.headers["X-Robots-Tag"] = "noindex"
    if request.if_none_match.contains(status.digest or ""):
        return response.make_conditional(request)  # the content is not read
    content = store.read_content(status)
    if content is None:
        return _say_when(petition)
    response.set_data(content)
    return response.make_conditional(request, accept_ranges=True, complete_length=len(content))


def _is_read() -> bool:
    """Return whether somebody wants the document itself: not HEAD, and no browser that fetches ahead of a click."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return request.method == "GET" and "prefetch" not in purpose.lower()


def _say_when(petition: Petition, *, failed: bool = False) -> Response:
    """Answer that a document is being made, with a page that asks again by itself; or that it cannot be made."""
    body = render_template(
        "exports/documents/preparing.html", petition=present(petition, current_language()), failed=failed,
        retry=RETRY_SECONDS, back=url_for("petitions.page", slug=petition.slug, lang=current_language()),
    )  # fmt: skip
    response = make_response(body, 404 if failed else 202)
    response.headers["Cache-Control"] = "no-store"
    if not failed:
        response.headers["Content-Security-Policy"] = content_security_policy(inline_scripts=[WAITING_SCRIPT])
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
