"""Structured logs on stderr: JSON unless for people, and never personal data."""

import logging
import random
import re
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request

from petition.core import tracing

# Two steps, so that the time is linear however long a line is: words first, then those with an @ and a dot.
WORD_PATTERN = re.compile(r"[^\s<>\"'(){}=:,;]+")
EMAIL_ADDRESS_PATTERN = re.compile(r".@.[^@]*\.\w", re.DOTALL)
# PostgreSQL quotes whole rows in these.
POSTGRES_DETAIL_PATTERN = re.compile(r"\b(DETAIL|CONTEXT):.*")
TOKEN_LINK_PATTERN = re.compile(r"/(c|me|u|welcome)/[\w.-]{16,}")
SERVER_LOGGERS = ("gunicorn.error",)  # have handlers of their own, and log paths of failed requests
UNLOGGED_RULES = "/healthz", "/readyz", "/static/<path:filename>", "/mailbox/messages.json"

log = structlog.get_logger("petition.web")


def configure(level: str | int, *, human_readable: bool = False) -> None:
    """Send every log line, ours and the libraries', through one formatter to stderr.

    JSON, unless stderr is a terminal or `human_readable` (`petition up` prints the lines to one).
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty() or human_readable
    renderer: Any = structlog.processors.JSONRenderer()
    if terminal:
        renderer = structlog.dev.ConsoleRenderer(
            colors=not human_readable,
            pad_event_to=0,
        )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    final += [*([_drop_developer_fields] if human_readable else []), structlog.processors.format_exc_info]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, _redact, renderer])
    )
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # it lists its own parts at each start
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in SERVER_LOGGERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    structlog.configure(
        # First, so that a line below the level costs nothing.
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _drop_developer_fields(_logger: Any, _name: str, event: Any) -> Any:
    """Drop the fields that a person watching the log does not need."""
    for name in ("timestamp", "request_id", "logger", *(["level"] if event.get("level") == "info" else [])):
        event.pop(name, None)
    return event


def _redact_address(word: re.Match[str]) -> str:
    return "<address>" if EMAIL_ADDRESS_PATTERN.search(word[0]) else word[0]


def _redact(_logger: Any, _name: str, event: Any) -> Any:
    """Replace addresses, tokens and quoted rows in whatever a library puts into a line or a traceback."""
    for name, value in event.items():
        if isinstance(value, str):
            value = TOKEN_LINK_PATTERN.sub(
                r"/\1/<token>", WORD_PATTERN.sub(_redact_address, value) if "@" in value else value
            )
            event[name] = POSTGRES_DETAIL_PATTERN.sub(r"\1: <redacted>", value)
    return event


def current_request_id() -> str | None:
    """Return the id of the HTTP request being served, None outside of one."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return found if isinstance(found, str) else None


def _start_request() -> None:
    g.started = time.perf_counter()
    g.request_id = f"{random.getrandbits(128):032x}"
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _log_request(response: Response) -> Response:
    response.headers.add("X-Request-ID", g.request_id)
    # The rule, not the path: a path may contain a signer's token.
    rule = request.url_rule.rule if request.url_rule else None
    if rule not in UNLOGGED_RULES:
        method, seconds = request.method if request.url_rule else "-", time.perf_counter() - g.started
        log.info("request", method=method, rule=rule, status=response.status_code, ms=round(seconds * 1000, 1))
        attributes: tracing.Attributes = {
            "http.request.method": method, "http.route": rule or "-", "http.response.status_code": response.status_code,
        }  # fmt: skip
        tracing.record_request(g.request_id, f"{method} {rule or '-'}", seconds, attributes)
    return response


def init_app(app: Flask) -> None:
    """Configure logging, and log one line per request, by URL rule."""
    configure(app.config["PETITION_LOG_LEVEL"], human_readable=app.config["PETITION_EMBEDDED"])
    app.before_request(_start_request)
    app.after_request(_log_request)
