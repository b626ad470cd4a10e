"""Is this process alive, and can it do its work?"""

from typing import Any

import redis
from flask import Blueprint, Flask, current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from petition.core.db import db, describe_connection_error
from petition.core.exceptions import ValidationError
from petition.core.redis import get_client

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that this process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Say the state of each part; 503 only when the database is gone, as signing works without all others.

    Features add the parts they know of to `app.extensions["petition.readiness_checks"]`.
    """
    parts = {"database": _check_database(), "redis": _check_redis()}
    if parts["database"] != "ok":
        return {"status": "unavailable", "parts": parts}, 503
    for look in current_app.extensions.get("petition.readiness_checks", ()):
        parts |= look()
    well = all(words == "ok" for words in parts.values())
    return {"status": "ok" if well else "degraded", "parts": parts}, 200


def require_database(app: Flask) -> None:
    """Refuse to start without the database: raises `Refusal` with one line that names the setting and no secret."""
    with app.app_context():
        try:
            db.session.execute(text("SELECT 1"))
        except OperationalError as error:
            raise ValidationError({"DATABASE_URL": describe_connection_error(error)}) from None
        finally:
            db.session.remove()
            # A server that forks must not share this connection with its children.
            db.engine.dispose()


def _check_database() -> str:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"unreachable ({type(error).__name__})"
    return "ok"


def _check_redis() -> str:
    try:
        get_client().ping()
    except (redis.RedisError, OSError) as error:
        return f"unreachable ({type(error).__name__}): signing works, emails follow"
    return "ok"
