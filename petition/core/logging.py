"""Structured logs on stderr: JSON outside a terminal, and never personal data."""

import logging
import random
import re
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request

# Whatever stands together with an @ and a dot: looked through once, however long it is.
WORD = re.compile(r"[^\s<>\"'(){}=:,;]+")
DOMAIN = re.compile(r".@.[^@]*\.\w", re.DOTALL)
# PostgreSQL quotes whole rows there.
DETAIL = re.compile(r"\b(DETAIL|CONTEXT):.*")
LINK = re.compile(r"/(c|me|u|welcome)/[\w.-]{16,}")
SERVERS = ("gunicorn.error",)  # which else log by themselves, the paths of requests that failed included
QUIET = "/healthz", "/readyz", "/static/<path:filename>", "/mailbox/messages.json"

log = structlog.get_logger("petition.web")


def configure(level: str, *, for_people: bool = False) -> None:
    """Send every log line, ours and the libraries', through one renderer to stderr.

    JSON, unless stderr is a terminal or the lines are for people (`petition up` shows them to one).
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty() or for_people
    renderer: Any = structlog.processors.JSONRenderer()
    if terminal:
        renderer = structlog.dev.ConsoleRenderer(
            colors=not for_people,
            pad_event_to=0,
        )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    final += [*([_brief] if for_people else []), structlog.processors.format_exc_info]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, _scrub, renderer])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in SERVERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    structlog.configure(
        # First, so that a line below the level costs nothing.
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _brief(_logger: Any, _name: str, event: Any) -> Any:
    """Leave out what a person who watches the lines go by does not need."""
    for name in ("timestamp", "request_id", "logger", *(["level"] if event.get("level") == "info" else [])):
        event.pop(name, None)
    return event


def _nameless(word: re.Match[str]) -> str:
    return "<address>" if DOMAIN.search(word[0]) else word[0]


def _scrub(_logger: Any, _name: str, event: Any) -> Any:
    """Blank out addresses, links and quoted rows in whatever a library puts into a line or a traceback."""
    for name, value in event.items():
        if isinstance(value, str):
            value = LINK.sub(r"/\1/<token>", WORD.sub(_nameless, value) if "@" in value else value)
            event[name] = DETAIL.sub(r"\1: <left out>", value)
    return event


def request_id() -> str | None:
    """Return the id of the HTTP request that is being served, to be carried by what it causes."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return found if isinstance(found, str) else None


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = f"{random.getrandbits(128):032x}"
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers.add("X-Request-ID", g.request_id)
    # The rule, not the path: a path holds a signer's token.
    rule = request.url_rule.rule if request.url_rule else None
    if rule not in QUIET:
        log.info(
            "request",
            method=request.method if request.url_rule else "-",
            rule=rule,
            status=response.status_code,
            ms=round((time.perf_counter() - g.started) * 1000, 1),
        )
    return response


def init_app(app: Flask) -> None:
    """Log one line per request, by its rule."""
    configure(app.config["PETITION_LOG_LEVEL"], for_people=app.config["PETITION_EMBEDDED"])
    app.before_request(_begin)
    app.after_request(_end)
