"""Error pages for people, and problem documents (RFC 9457) for API clients."""

import psycopg
import structlog
from flask import Flask, Response, current_app, make_response, render_template, request
from flask_babel import gettext as _
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize
from psycopg.errors import IdleInTransactionSessionTimeout, UndefinedColumn, UndefinedFunction, UndefinedTable
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from petition.core.db import db
from petition.core.exceptions import Conflict, DomainError, InvalidLink, NotFound, TakenDown
from petition.core.health import read_schema
from petition.core.openapi import API_PREFIX, http_error_response, problem_response
from petition.core.schema import SchemaMismatch
from petition.core.web.trusted_hosts import UnknownHost

RETRY_AFTER_SECONDS = 10
MISSING_NAMES = (UndefinedTable, UndefinedColumn, UndefinedFunction)
# HTTP status by exception type, for what a view does not catch; the first match counts.
DOMAIN_ERROR_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, 404),
    (TakenDown, 410),
    (InvalidLink, 404),
    (Conflict, 409),
    (DomainError, 422),
)

log = structlog.get_logger(__name__)


def _error_text(code: int) -> tuple[str, str]:
    """Return a title and advice for a status, in the reader's language."""
    # A feature's own text where its pages cannot read the database; it says None elsewhere.
    describe_outage = current_app.extensions.get("petition.outage_text")
    if code == 503 and describe_outage and (text := describe_outage(request.path)):
        return text
    known = {
        400: (_("That request could not be read"), _("Please go back and try once more.")),
        403: (_("This page is not open to you"), _("If you followed a link, please check that it is complete.")),
        404: (_("There is nothing at this address"), _("The address may be incomplete, or the page was taken down.")),
        405: (_("This page cannot be opened directly"), _("Please go back and use the button on the page.")),
        409: (_("This has changed meanwhile"), _("Please go back, reload the page, and try again.")),
        410: (_("This was taken down"), _("It is no longer at this address.")),
        413: (_("That is too long to be sent"), _("Please go back, shorten what you wrote, and send it again.")),
        422: (_("Something in the form needs correcting"), _("Please go back and check what you entered.")),
        429: (
            _("Too many requests come from this network at the moment"),
            _("Go back, and try again in a minute: what you typed should still be there."),
        ),
        503: (_("The server is busy"), _("Reload the page in a moment. What you typed in a form is sent again.")),
    }  # fmt: skip
    unknown = (_("Something went wrong on our side"), _("The team has been notified. Please try again in a moment."))
    return known.get(code, unknown if code >= 500 else known[400])


def _error_page(status: int, advice: str = "", right_url: str = "") -> Response:
    title, default_advice = _error_text(status)
    # A feature's own template for its pages, such as the team's; it says None for all others.
    choose_template = current_app.extensions.get("petition.error_template")
    template = None if right_url or choose_template is None else choose_template()
    page = render_template(
        template or "errors/error.html", code=status, title=title, advice=advice or default_advice, right_url=right_url
    )
    return make_response(page, status)


def _handle_http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    if request.path.startswith(API_PREFIX):
        return http_error_response(error)
    if isinstance(error, UnknownHost):
        url = current_app.config["PUBLIC_URL"]
        response = _error_page(error.code, _("This site’s address is %(address)s.", address=url), url)
    else:
        response = _error_page(error.code)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _handle_domain_error(error: DomainError) -> Response:
    """Answer a domain error that no view caught: a problem document with its fields, or a page with its messages."""
    status = next(status for kind, status in DOMAIN_ERROR_STATUS if isinstance(error, kind))
    if request.path.startswith(API_PREFIX):
        return problem_response(status, errors=error.errors)
    # What does not exist is answered alike everywhere, whatever it was.
    return _error_page(status, "" if status == 404 else str(error))


def _handle_database_error(error: Exception) -> Response | HTTPException:
    log.error("database unavailable", error=type(getattr(error, "orig", error)).__name__)
    return _answer_unavailable()


def _answer_unavailable() -> Response | HTTPException:
    # What would make the error page read the database again: features append functions that prevent it.
    for prevent in current_app.extensions.get("petition.database_error_hooks", ()):
        prevent()
    return _handle_http_error(ServiceUnavailable(retry_after=RETRY_AFTER_SECONDS))


def _handle_idle_transaction_timeout(error: InternalError) -> Response | HTTPException:
    if isinstance(error.orig, IdleInTransactionSessionTimeout):
        return _handle_database_error(error)
    raise error


def _handle_schema_mismatch(error: SchemaMismatch) -> Response | HTTPException:
    log.error(str(error))
    return _answer_unavailable()


def _handle_missing_name(error: Exception) -> Response | HTTPException:
    """Answer a statement that names what is not there: 503 if the schema is not of this code, else it is a bug."""
    db.session.rollback()
    if isinstance(getattr(error, "orig", error), MISSING_NAMES) and (problem := read_schema().problem):
        return _handle_schema_mismatch(SchemaMismatch(problem))
    raise error


def init_app(app: Flask) -> None:
    """Register the error handlers."""
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(DomainError, _handle_domain_error)
    for error in (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError):
        app.register_error_handler(error, _handle_database_error)
    app.register_error_handler(InternalError, _handle_idle_transaction_timeout)
    app.register_error_handler(SchemaMismatch, _handle_schema_mismatch)
    for missing in (ProgrammingError, *MISSING_NAMES):
        app.register_error_handler(missing, _handle_missing_name)
    for malformed_body in (InvalidChunkSize, ChunkMissingTerminator):
        app.register_error_handler(malformed_body, lambda _: _handle_http_error(BadRequest()))
    app.context_processor(lambda: {"embedded": app.config["PETITION_EMBEDDED"]})
