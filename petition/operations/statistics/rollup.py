"""Add the log of state changes up into the small tables that the operators' pages read."""

from datetime import timedelta
from typing import Any

from petition.core.db import db
from petition.delivery.pacing.providers import FAMILIES
from petition.operations.statistics import history_queries, queries
from petition.safeguards.mail_providers import LARGE_PROVIDERS

BATCH_SIZE = 20_000  # rows of the log added up by one statement
RETENTION = timedelta(days=2)  # of minute and hour rollups; totals are never deleted
# The history: by hour, then by day. Links that are followed later than `HOURLY_RETENTION` are not counted in it.
HOURLY_RETENTION, DAILY_RETENTION = timedelta(days=21), timedelta(days=396)
DETAIL_RETENTION = timedelta(days=2)  # of domains that are neither a large provider's nor got many emails on a day
MIN_DAILY_EMAILS = 50
OTHER_PROVIDERS = "other"
KNOWN_PROVIDERS = sorted(LARGE_PROVIDERS | set(FAMILIES))
ADVISORY_LOCK_ID = 7_226_102


def family_parameters() -> dict[str, list[str]]:
    """Return the domains of well-known families by their first label, for statements that name providers."""
    pairs = [(label, provider) for provider, labels in FAMILIES.items() for label in labels]
    return {"labels": [label for label, _ in pairs], "providers": [provider for _, provider in pairs]}


def make_parameters() -> dict[str, Any]:
    """Return the parameters of `queries.ROLL_UP`."""
    return {"batch": BATCH_SIZE, "retention": RETENTION, "hourly_retention": HOURLY_RETENTION, **family_parameters()}


def roll_up() -> int:
    """Add up one batch of the log, unless another process is doing it; return how many rows of the log it had.

    Statistics are the same before and after. Commits, because the lock lasts as long as the transaction.
    """
    if not db.session.scalar(queries.TRY_LOCK, {"lock": ADVISORY_LOCK_ID}):
        db.session.rollback()
        return 0
    rows = int(db.session.scalar(queries.ROLL_UP, make_parameters()) or 0)
    db.session.commit()
    return rows


def delete_expired() -> None:
    """Delete rollups that no statistic reads any more, and fold the history. Commits."""
    db.session.execute(queries.WAIT_FOR_LOCK, {"lock": ADVISORY_LOCK_ID})
    db.session.execute(queries.DELETE_EMPTY_GROUPS)
    db.session.execute(queries.DELETE_OLD_MINUTES, {"retention": RETENTION})
    db.session.execute(queries.DELETE_OLD_HOURS, {"retention": RETENTION})
    small = {"detail_retention": DETAIL_RETENTION, "other": OTHER_PROVIDERS, "known": KNOWN_PROVIDERS,
             "min_emails": MIN_DAILY_EMAILS}  # fmt: skip
    db.session.execute(history_queries.FOLD_SMALL_PROVIDERS, small)
    db.session.execute(history_queries.FOLD_HOURS_INTO_DAYS, {"hourly_retention": HOURLY_RETENTION})
    db.session.execute(history_queries.DELETE_OLD_DAYS, {"daily_retention": DAILY_RETENTION})
    db.session.commit()
