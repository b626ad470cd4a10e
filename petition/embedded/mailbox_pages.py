"""The mailbox in a browser, and as JSON for the demo and the tests."""

import re
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, abort, jsonify, render_template, request
from markupsafe import Markup, escape

from petition.embedded import messages

PAGE = 50  # messages
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]»…]")
OPENING = re.compile(r"\s*(<!doctype[^>]*>)?\s*(<html[^>]*>)?\s*(<head[^>]*>)?", re.IGNORECASE)
# The mail's own page is foreign matter: no script, no request, yet its links open at top level.
HTML_POLICY = (
    "sandbox allow-top-navigation-by-user-activation allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def blueprint(directory: Path) -> Blueprint:
    """Return the pages that show the messages kept in a folder, which need not exist yet."""
    pages = Blueprint("mailbox", __name__)
    folder = directory.absolute()

    @pages.get("/mailbox")
    def index() -> Response:
        return _page("list", **_slice(folder, max(request.args.get("page", 1, int), 1)))

    @pages.get("/mailbox/messages.json")
    def as_json() -> Response:
        return jsonify(list(_chosen(folder, request.args.get("after", 0, int), request.args.get("to", ""))))

    @pages.get("/mailbox/<int(max=99999999):number>")
    def message(number: int) -> Response:
        mail = _read(folder, number)
        return _page("message", mail=mail, text=_linked(mail["text"] or ""), **_neighbours(folder, number))

    @pages.get("/mailbox/<int(max=99999999):number>/html")
    def html(number: int) -> Response:
        response = Response(_opening_at_top(_read(folder, number)["html"] or ""), mimetype="text/html")
        response.headers["Content-Security-Policy"] = HTML_POLICY
        return response

    @pages.get("/mailbox/<int(max=99999999):number>/source")
    def source(number: int) -> Response:
        try:
            raw = messages.path(folder, number).read_bytes()
        except FileNotFoundError:
            abort(404)
        return Response(raw, mimetype="text/plain")

    return pages


def _page(name: str, **values: object) -> Response:
    response = Response(render_template(f"mailbox/{name}.html", **values))
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def _slice(folder: Path, page: int) -> dict[str, object]:
    numbers = messages.numbers(folder)[::-1]
    shown = [messages.summary(folder, number) for number in numbers[(page - 1) * PAGE : page * PAGE]]
    pages = max(1, -(-len(numbers) // PAGE))
    return {"mails": shown, "total": len(numbers), "page": page, "pages": pages}


def _chosen(folder: Path, after: int, to: str) -> Iterator[messages.Mail]:
    wanted = to.strip().lower()
    for number in messages.numbers(folder, after):
        if not wanted or wanted in messages.recipients(folder, number):
            yield messages.read(folder, number)


def _read(folder: Path, number: int) -> messages.Mail:
    try:
        return messages.read(folder, number)
    except FileNotFoundError:
        abort(404)


def _neighbours(folder: Path, number: int) -> dict[str, bool]:
    return {
        "newer": messages.path(folder, number + 1).exists(),
        "older": messages.path(folder, number - 1).exists(),
    }


def _linked(text: str) -> Markup:
    pieces = []
    end = 0
    for link in LINK.finditer(text):
        address = escape(link[0])
        pieces += [escape(text[end : link.start()]), Markup('<a href="{0}">{0}</a>').format(address)]
        end = link.end()
    return Markup("").join([*pieces, escape(text[end:])])


def _opening_at_top(html: str) -> str:
    # A link without a target would open inside the frame, where the application's pages refuse to be shown.
    opening = OPENING.match(html)
    place = opening.end() if opening else 0
    return f'{html[:place]}<base target="_top">{html[place:]}'
