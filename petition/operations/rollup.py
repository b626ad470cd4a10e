"""Add the log of state changes up into the small tables that the operators' pages read."""

from datetime import timedelta

from petition.core.db import db
from petition.operations import queries

BATCH_SIZE = 20_000  # rows of the log added up by one statement
RETENTION = timedelta(days=2)  # of minute and hour rollups; totals are never deleted
ADVISORY_LOCK_ID = 7_226_102


def roll_up() -> int:
    """Add up one batch of the log, unless another process is doing it; return how many rows of the log it had.

    Statistics are the same before and after. Commits, because the lock lasts as long as the transaction.
    """
    if not db.session.scalar(queries.TRY_LOCK, {"lock": ADVISORY_LOCK_ID}):
        db.session.rollback()
        return 0
    rows = int(db.session.scalar(queries.ROLL_UP, {"batch": BATCH_SIZE, "retention": RETENTION}) or 0)
    db.session.commit()
    return rows


def delete_expired() -> None:
    """Delete rollups that no statistic reads any more. Commits."""
    db.session.execute(queries.WAIT_FOR_LOCK, {"lock": ADVISORY_LOCK_ID})
    db.session.execute(queries.DELETE_EMPTY_GROUPS)
    db.session.execute(queries.DELETE_OLD_MINUTES, {"retention": RETENTION})
    db.session.execute(queries.DELETE_OLD_HOURS, {"retention": RETENTION})
    db.session.commit()
