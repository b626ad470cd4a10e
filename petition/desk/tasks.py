"""Periodic tasks of the team's home."""

from petition.core.db import db
from petition.desk import alerts
from petition.desk.queries import COUNT_OPT_INS


def count_opt_ins() -> None:
    """Count the signers who agreed to news, for the home and the overviews."""
    db.session.execute(COUNT_OPT_INS)
    db.session.commit()


def check_alerts() -> None:
    """Make the alerts that are due."""
    alerts.check()


def run_retention() -> None:
    """Delete old alerts."""
    alerts.delete_old()
    db.session.commit()
