"""Pause a queue, everything, or sending through a mail server in trouble; each claim reads the pauses."""

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.delivery.models import Pause
from petition.delivery.queries import BACK_OFF_SERVER
from petition.delivery.queues import EVERYTHING, SERVER

MAX_SERVER_BACKOFF_SECONDS = 60


def back_off_server(reason: str, scope: str = SERVER) -> None:
    """Stop all sending for a while that doubles with each failure in a row, up to a minute. Flushes.

    The next email that the mail server answers to ends it (`results.record_results`); a probe that succeeds ends the
    wait (`end_server_backoff`). With the `scope` of one of several relays, only that one is backed off from.
    """
    parameters = {"server": scope, "reason": reason[:200], "max_seconds": MAX_SERVER_BACKOFF_SECONDS}
    db.session.execute(BACK_OFF_SERVER, parameters)


def end_server_backoff() -> bool:
    """Let sending go on at once, as the mail server answers again; return whether it was backed off from. Flushes.

    What was counted of its failures stays until it answers to an email: if it does not, the wait goes on as it was.
    """
    ended = update(Pause).where(Pause.scope == SERVER, Pause.until > func.now()).values(until=func.now())
    return bool(getattr(db.session.execute(ended), "rowcount", 0))


def pause(scope: str, reason: str, by: str | None = None) -> None:
    """Pause a queue, or everything, until `resume`; rows that are claimed already are still sent. Flushes."""
    values = {"reason": reason, "until": None, "by": by}
    statement = insert(Pause).values(scope=scope, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=values))


def resume(scope: str) -> bool:
    """Resume a queue, or everything, and return whether it was paused. Flushes."""
    return bool(getattr(db.session.execute(delete(Pause).where(Pause.scope == scope)), "rowcount", 0))


def is_paused(queue: str) -> bool:
    """Return whether an operator paused a queue, or everything."""
    return db.session.scalar(select(Pause.scope).where(Pause.scope.in_([queue, EVERYTHING])).limit(1)) is not None


def list_pauses() -> list[Pause]:
    """Return the pauses in force."""
    in_force = (Pause.until.is_(None)) | (Pause.until > func.now())
    return list(db.session.scalars(select(Pause).where(in_force).order_by(Pause.scope)))
