"""Hold back a queue, everything, or the mail server; read again at each claim."""

from datetime import timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.delivery.models import Pause
from petition.delivery.queues import SERVER

MAX_SERVER_BACKOFF_SECONDS = 60  # seconds


def back_off_server(reason: str) -> None:
    """Leave the mail server alone for a while that doubles with each strike, up to a minute; for every worker.

    The next email that it takes ends its rest (`record`).
    """
    seconds = func.least(MAX_SERVER_BACKOFF_SECONDS, func.power(2, Pause.strikes))
    statement = insert(Pause).values(scope=SERVER, reason=reason, until=func.now() + timedelta(seconds=1), strikes=1)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["scope"],
            set_={
                "reason": statement.excluded.reason,
                "strikes": case((Pause.strikes < 10, Pause.strikes + 1), else_=Pause.strikes),
                "until": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
            },
            # Many threads fail at once on the same trouble: that is one strike.
            where=Pause.until <= func.now(),
        )
    )


def pause(scope: str, reason: str, by: str | None = None) -> None:
    """Pause a queue, or everything, until `unhold`; what is already claimed still goes out."""
    values = {"reason": reason, "until": None, "by": by}
    statement = insert(Pause).values(scope=scope, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=values))


def resume(scope: str) -> bool:
    """Resume a queue, or everything; returns whether it was paused."""
    return bool(getattr(db.session.execute(delete(Pause).where(Pause.scope == scope)), "rowcount", 0))


def list_pauses() -> list[Pause]:
    """Return what is paused now."""
    still = (Pause.until.is_(None)) | (Pause.until > func.now())
    return list(db.session.scalars(select(Pause).where(still).order_by(Pause.scope)))
