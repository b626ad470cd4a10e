"""What every page shares: its assets, and error pages in the same dress, or problem documents for the API."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
import structlog
from flask import Flask, Response, current_app, make_response, render_template, request, url_for
from flask_babel import gettext as _
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from petition.core.api import PREFIX, problem_of

STATIC = Path(__file__).parents[1] / "static"
RETRY_AFTER = 10  # seconds
FOR_EVER = "public, max-age=31536000, immutable"

log = structlog.get_logger(__name__)


@lru_cache(maxsize=64)
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Return the address of a static file, which changes with its content so that it can be cached for ever."""
    return url_for("static", filename=name, v=_version(name))


def _keep(response: Response) -> Response:
    # While two versions run side by side, the one may be asked for the other's file: nobody may keep that answer.
    if request.endpoint == "static" and response.status_code < 400:
        name = (request.view_args or {})["filename"]
        response.headers["Cache-Control"] = FOR_EVER if request.args.get("v") == _version(name) else "no-store"
        response.expires = None
    return response


def public_url_for(endpoint: str, **values: Any) -> str:
    """Return the full address of a page, on the site's own name and never on one that a request made up."""
    return f"{current_app.config['PUBLIC_URL']}{url_for(endpoint, **values)}"


def _words(code: int) -> tuple[str, str]:
    """Return a title and an advice for a status, in the reader's language."""
    known = {
        400: (_("That request could not be read"), _("Please go back and try once more.")),
        403: (_("This page is not open to you"), _("If you followed a link, please check that it is complete.")),
        404: (_("There is nothing at this address"), _("The address may be incomplete, or the page was taken down.")),
        405: (_("This address does not work that way"), _("Please go back and use the button on the page.")),
        413: (_("That is too long to be sent"), _("Please go back, shorten what you wrote, and send it again.")),
        429: (
            _("Too many requests come from this network at the moment"),
            _("Go back, and try again in a minute: what you typed should still be there."),
        ),
        503: (_("The server is busy"), _("Go back, and try again in a moment.")),
    }  # fmt: skip
    unknown = (_("Something went wrong on our side"), _("We have been told. Please try again in a moment."))
    return known.get(code, unknown if code >= 500 else known[400])


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    if request.path.startswith(PREFIX):
        return problem_of(error)
    title, advice = _words(error.code)
    response = make_response(
        render_template("errors/error.html", code=error.code, title=title, advice=advice), error.code
    )
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _database_gone(error: Exception) -> Response | HTTPException:
    log.error("the database could not answer", error=type(getattr(error, "orig", error)).__name__)
    return _http_error(ServiceUnavailable(retry_after=RETRY_AFTER))


def _left_alone_too_long(error: InternalError) -> Response | HTTPException:
    if isinstance(error.orig, IdleInTransactionSessionTimeout):
        return _database_gone(error)
    raise error


def init_app(app: Flask) -> None:
    """Register the error pages and what templates share."""
    app.after_request(_keep)
    app.register_error_handler(HTTPException, _http_error)
    for error in (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError):
        app.register_error_handler(error, _database_gone)
    app.register_error_handler(InternalError, _left_alone_too_long)
    for broken in (InvalidChunkSize, ChunkMissingTerminator):
        app.register_error_handler(broken, lambda _: _http_error(BadRequest()))
    app.add_template_global(asset)
    app.add_template_global(public_url_for)
    app.context_processor(lambda: {"embedded": app.config["PETITION_EMBEDDED"]})
