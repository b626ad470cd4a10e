"""Celery tasks: probe the mail server, reconcile statistics, delete expired rollups."""

from petition.core.db import db
from petition.operations.reconcile import reconcile
from petition.operations.rollup import delete_expired
from petition.operations.smtp_probe import probe_mail_server


def run_probe() -> None:
    """Probe the mail server and record the result."""
    probe_mail_server()
    db.session.commit()


def run_reconcile() -> None:
    """Compare statistics with the rows they count, and correct them."""
    reconcile()


def run_retention() -> None:
    """Delete rollups that no statistic reads any more."""
    delete_expired()
