"""Hold back a lane, everything, or the mail server; read again at each claim."""

from datetime import timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.delivery.lanes import SERVER
from petition.delivery.models import Hold

SERVER_REST_CAP = 60  # seconds


def rest_server(reason: str) -> None:
    """Leave the mail server alone for a while that doubles with each strike, up to a minute; for every worker.

    The next email that it takes ends its rest (`record`).
    """
    seconds = func.least(SERVER_REST_CAP, func.power(2, Hold.strikes))
    statement = insert(Hold).values(scope=SERVER, reason=reason, until=func.now() + timedelta(seconds=1), strikes=1)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["scope"],
            set_={
                "reason": statement.excluded.reason,
                "strikes": case((Hold.strikes < 10, Hold.strikes + 1), else_=Hold.strikes),
                "until": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
            },
            # Many threads fail at once on the same trouble: that is one strike.
            where=Hold.until <= func.now(),
        )
    )


def hold(scope: str, reason: str, by: str | None = None) -> None:
    """Pause a lane, or everything, until `unhold`; what is already claimed still goes out."""
    values = {"reason": reason, "until": None, "by": by}
    statement = insert(Hold).values(scope=scope, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=values))


def unhold(scope: str) -> bool:
    """Resume a lane, or everything; returns whether it was paused."""
    return bool(getattr(db.session.execute(delete(Hold).where(Hold.scope == scope)), "rowcount", 0))


def holds() -> list[Hold]:
    """Return what is paused now."""
    still = (Hold.until.is_(None)) | (Hold.until > func.now())
    return list(db.session.scalars(select(Hold).where(still).order_by(Hold.scope)))
