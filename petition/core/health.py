"""Liveness (`/healthz`), readiness (`/readyz`), and the checks of the database at the start of a process."""

from typing import Any

import redis
from flask import Blueprint, Flask, current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from petition.core.db import db, describe_connection_error
from petition.core.redis import get_client

blueprint = Blueprint("health", __name__)


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


def require_database(app: Flask) -> None:
    """Raise `DatabaseUnreachable` unless the database answers; leaves no connection open.

    Features append checks of what it holds to `app.extensions["petition.start_checks"]`: functions that raise
    `StartRefused`.
    """
    with app.app_context():
        try:
            _ping_database()
            for check in app.extensions.get("petition.start_checks", ()):
                check()
        except OperationalError as error:
            raise DatabaseUnreachable(describe_connection_error(error)) from None
        finally:
            db.session.remove()
            # A server that forks after this must not share a connection with its children.
            db.engine.dispose()


def _ping_database() -> None:
    db.session.execute(text("SELECT 1"))


def _check_database() -> str:
    try:
        _ping_database()
    except SQLAlchemyError as error:
        return f"unreachable ({type(error).__name__})"
    return "ok"


def _check_redis() -> str:
    try:
        get_client().ping()
    except (redis.RedisError, OSError) as error:
        return f"unreachable ({type(error).__name__}): signing works, emails are delayed"
    return "ok"
