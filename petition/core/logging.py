"""Structured logs on stderr: JSON outside a terminal, and never personal data."""

import logging
import sys
import time
import uuid
from typing import Any

import structlog
from flask import Flask, Response, g, request

QUIET = "/healthz", "/readyz", "/static/<path:filename>"


def configure(level: str) -> None:
    """Send every log line, ours and the libraries', through one renderer to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not terminal:
        final.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    # The rule, not the path: a path holds a signer's token.
    rule = request.url_rule.rule if request.url_rule else None
    response.headers["X-Request-ID"] = g.request_id
    if rule not in QUIET:
        structlog.get_logger("petition.web").info(
            "request",
            method=request.method if request.url_rule else "-",
            rule=rule,
            status=response.status_code,
            ms=round((time.perf_counter() - g.started) * 1000, 1),
        )
    return response


def init_app(app: Flask) -> None:
    """Log one line per request, by its rule."""
    configure(app.config["PETITION_LOG_LEVEL"])
    app.before_request(_begin)
    app.after_request(_end)
