"""Celery tasks: probe the mail server, reconcile statistics, delete expired rollups."""

from petition.core.db import db
from petition.delivery.pauses import end_server_backoff
from petition.delivery.queues import EMAIL_QUEUES
from petition.delivery.wakeup import wake
from petition.operations.reconcile import reconcile
from petition.operations.rollup import delete_expired
from petition.operations.smtp_probe import probe_mail_server


def run_probe() -> None:
    """Probe the mail server and record the result; where it works again, sending goes on at once."""
    must_wake = probe_mail_server() and end_server_backoff()
    db.session.commit()
    if must_wake:
        for queue in EMAIL_QUEUES:
            wake(queue)


def run_reconcile() -> None:
    """Compare statistics with the rows they count, and correct them."""
    reconcile()


def run_retention() -> None:
    """Delete rollups that no statistic reads any more."""
    delete_expired()
