"""Pages of the local mailbox, and its messages as JSON for the demo and the tests."""

import re
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, abort, jsonify, render_template, request
from markupsafe import Markup, escape

from petition.local_stack import mailbox_store

PAGE_SIZE = 50  # messages
LINK_PATTERN = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]»…]")
HTML_HEAD_PATTERN = re.compile(r"\s*(<!doctype[^>]*>)?\s*(<html[^>]*>)?\s*(<head[^>]*>)?", re.IGNORECASE)
# An email's HTML is untrusted: no script, no request, but its links open at top level.
HTML_CONTENT_SECURITY_POLICY = (
    "sandbox allow-top-navigation-by-user-activation allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
PAGE_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def blueprint(directory: Path) -> Blueprint:
    """Return the pages that show the messages of a folder, which need not exist yet."""
    pages = Blueprint("mailbox", __name__)
    folder = directory.absolute()

    @pages.get("/mailbox")
    def index() -> Response:
        return _render("mailbox/list.html", **_paginate(folder, max(request.args.get("page", 1, int), 1)))

    @pages.get("/mailbox/messages.json")
    def as_json() -> Response:
        return jsonify(list(_filter_messages(folder, request.args.get("after", 0, int), request.args.get("to", ""))))

    @pages.get("/mailbox/<int(max=99999999):number>")
    def message(number: int) -> Response:
        mail = _read_or_404(folder, number)
        return _render(
            "mailbox/message.html", mail=mail, text=_linkify(mail["text"] or ""), **_find_neighbours(folder, number)
        )

    @pages.get("/mailbox/<int(max=99999999):number>/html")
    def html(number: int) -> Response:
        response = Response(_add_base_target(_read_or_404(folder, number)["html"] or ""), mimetype="text/html")
        response.headers["Content-Security-Policy"] = HTML_CONTENT_SECURITY_POLICY
        return response

    @pages.get("/mailbox/<int(max=99999999):number>/source")
    def source(number: int) -> Response:
        try:
            raw = mailbox_store.message_path(folder, number).read_bytes()
        except FileNotFoundError:
            abort(404)
        return Response(raw, mimetype="text/plain")

    return pages


def _render(name: str, **values: object) -> Response:
    response = Response(render_template(name, **values))
    response.headers["Content-Security-Policy"] = PAGE_CONTENT_SECURITY_POLICY
    return response


def _paginate(folder: Path, page: int) -> dict[str, object]:
    numbers = mailbox_store.list_numbers(folder)[::-1]
    shown = [
        mailbox_store.read_summary(folder, number) for number in numbers[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    ]
    pages = max(1, -(-len(numbers) // PAGE_SIZE))
    return {"mails": shown, "total": len(numbers), "page": page, "pages": pages}


def _filter_messages(folder: Path, after: int, to: str) -> Iterator[mailbox_store.Mail]:
    wanted = to.strip().lower()
    for number in mailbox_store.list_numbers(folder, after):
        if not wanted or wanted in mailbox_store.read_recipients(folder, number):
            yield mailbox_store.read_message(folder, number)


def _read_or_404(folder: Path, number: int) -> mailbox_store.Mail:
    try:
        return mailbox_store.read_message(folder, number)
    except FileNotFoundError:
        abort(404)


def _find_neighbours(folder: Path, number: int) -> dict[str, bool]:
    return {
        "newer": mailbox_store.message_path(folder, number + 1).exists(),
        "older": mailbox_store.message_path(folder, number - 1).exists(),
    }


def _linkify(text: str) -> Markup:
    pieces = []
    end = 0
    for link in LINK_PATTERN.finditer(text):
        address = escape(link[0])
        pieces += [escape(text[end : link.start()]), Markup('<a href="{0}">{0}</a>').format(address)]
        end = link.end()
    return Markup("").join([*pieces, escape(text[end:])])


def _add_base_target(html: str) -> str:
    # A link without a target would open inside the frame, where the application's pages may not be shown.
    opening = HTML_HEAD_PATTERN.match(html)
    place = opening.end() if opening else 0
    return f'{html[:place]}<base target="_top">{html[place:]}'
