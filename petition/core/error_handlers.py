"""Error pages for people, and problem documents (RFC 9457) for API clients."""

import psycopg
import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_babel import gettext as _
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from petition.core.openapi import API_PREFIX, http_error_response

RETRY_AFTER_SECONDS = 10  # seconds

log = structlog.get_logger(__name__)


def _error_text(code: int) -> tuple[str, str]:
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


def _handle_http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    if request.path.startswith(API_PREFIX):
        return http_error_response(error)
    title, advice = _error_text(error.code)
    response = make_response(
        render_template("errors/error.html", code=error.code, title=title, advice=advice), error.code
    )
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _handle_database_error(error: Exception) -> Response | HTTPException:
    log.error("the database could not answer", error=type(getattr(error, "orig", error)).__name__)
    return _handle_http_error(ServiceUnavailable(retry_after=RETRY_AFTER_SECONDS))


def _handle_idle_transaction_timeout(error: InternalError) -> Response | HTTPException:
    if isinstance(error.orig, IdleInTransactionSessionTimeout):
        return _handle_database_error(error)
    raise error


def init_app(app: Flask) -> None:
    """Register the error pages and what templates share."""
    app.register_error_handler(HTTPException, _handle_http_error)
    for error in (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError):
        app.register_error_handler(error, _handle_database_error)
    app.register_error_handler(InternalError, _handle_idle_transaction_timeout)
    for broken in (InvalidChunkSize, ChunkMissingTerminator):
        app.register_error_handler(broken, lambda _: _handle_http_error(BadRequest()))
    app.context_processor(lambda: {"embedded": app.config["PETITION_EMBEDDED"]})
