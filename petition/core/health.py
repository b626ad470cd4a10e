"""Liveness (`/healthz`), readiness (`/readyz`), and the checks of the database at the start of a process."""

import time
from typing import Any

import redis
import structlog
from flask import Blueprint, Flask, current_app, request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from petition.core import schema
from petition.core.db import db, describe_connection_error
from petition.core.redis import get_client

GATE = "petition.schema_gate"
GATE_INTERVAL_SECONDS = 1.0

blueprint = Blueprint("health", __name__)
log = structlog.get_logger(__name__)


class StartRefused(Exception):
    """A process must not start. The message is one line that names the setting and no secret."""


class DatabaseUnreachable(StartRefused):
    """The database cannot be reached."""


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer that this process is alive."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Report the state of each part; 503 only without the database, as signing works without all others.

    Features append checks to `app.extensions["petition.readiness_checks"]`: functions that return states by part.
    """
    parts = {"database": _check_database(), "redis": _check_redis()}
    if parts["database"] != "ok":
        return {"status": "unavailable", "parts": parts}, 503
    for check in current_app.extensions.get("petition.readiness_checks", ()):
        parts |= check()
    all_ok = all(state == "ok" for state in parts.values())
    return {"status": "ok" if all_ok else "degraded", "parts": parts}, 200


def read_schema() -> schema.Schema:
    """Return the revision of the database, in the session's transaction."""
    return schema.read(lambda statement: db.session.execute(text(statement)).first())


def require_schema() -> None:
    """Raise `SchemaMismatch` unless this code can run on the schema of the database."""
    if problem := read_schema().problem:
        raise schema.SchemaMismatch(problem)


def require_database(app: Flask, *, waits_for_schema: bool = False) -> None:
    """Raise `StartRefused` unless the database answers and has a schema of this code; leaves no connection open.

    Features append checks of what it holds to `app.extensions["petition.start_checks"]`: functions that raise
    `StartRefused`. With `waits_for_schema`, one that `petition db upgrade` has not reached yet does not end the
    process: requests are answered by 503 until it has.
    """
    with app.app_context():
        try:
            state = read_schema()
            if state.is_behind and waits_for_schema:
                log.error(state.problem)
                SchemaGate(app)
                return
            if state.is_newer:
                log.warning("a newer version migrated the database, and lets this one run", revision=state.revision)
            _run_start_checks(app)
        except OperationalError as error:
            raise DatabaseUnreachable(describe_connection_error(error)) from None
        finally:
            db.session.remove()
            # A server that forks after this must not share a connection with its children.
            db.engine.dispose()


def _run_start_checks(app: Flask) -> None:
    try:
        require_schema()
    except schema.SchemaMismatch as error:
        raise StartRefused(str(error)) from None
    for check in app.extensions.get("petition.start_checks", ()):
        check()


class SchemaGate:
    """Answer 503 until the schema is that of this code and the checks of the start pass; asked once a second."""

    def __init__(self, app: Flask) -> None:
        self.problem: str | None = "not asked yet"
        self._ask_at = 0.0
        app.extensions[GATE] = self

    def ask(self) -> str | None:
        """Return why this process cannot serve yet; None once it can."""
        if self.problem and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + GATE_INTERVAL_SECONDS
            try:
                _run_start_checks(current_app)
            except StartRefused as error:
                self.problem = str(error)
            else:
                self.problem = None
        return self.problem


def _require_open_gate() -> None:
    gate = current_app.extensions.get(GATE)
    if gate and request.blueprint != blueprint.name and (problem := gate.ask()):
        raise schema.SchemaMismatch(problem)


def _check_database() -> str:
    try:
        gate = current_app.extensions.get(GATE)
        problem = (gate.ask() if gate else None) or read_schema().problem
    except SQLAlchemyError as error:
        return f"unreachable ({type(error).__name__})"
    return problem or "ok"


def _check_redis() -> str:
    try:
        get_client().ping()
    except (redis.RedisError, OSError) as error:
        return f"unreachable ({type(error).__name__}): signing works, emails are delayed"
    return "ok"


def init_app(app: Flask) -> None:
    """Register the probes, and the answer to requests that come before the migrations."""
    app.register_blueprint(blueprint)
    app.before_request(_require_open_gate)
