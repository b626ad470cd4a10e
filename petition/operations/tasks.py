"""Celery tasks: probe and watch, notify, reconcile statistics, delete expired rollups."""

from petition.core.db import db
from petition.delivery.pauses import end_server_backoff
from petition.delivery.queues import EMAIL_QUEUES
from petition.delivery.wakeup import wake
from petition.operations import alert_webhooks
from petition.operations.health.troubles import record_troubles
from petition.operations.probes.certificates import check_site_certificate
from petition.operations.probes.disk import check_disk
from petition.operations.probes.sign_in_provider import check_sign_in_provider
from petition.operations.probes.smtp_probe import probe_mail_server
from petition.operations.statistics.reconcile import reconcile
from petition.operations.statistics.rollup import delete_expired


def run_probe() -> None:
    """Probe the mail server and record the result; where it works again, sending goes on at once."""
    must_wake = probe_mail_server() and end_server_backoff()
    db.session.commit()
    if must_wake:
        for queue in EMAIL_QUEUES:
            wake(queue)


def run_record_troubles() -> None:
    """Record what is wrong, for pages, metrics and the alerts to operators."""
    record_troubles()


def run_check_host() -> None:
    """Look at the disks of this host."""
    check_disk()
    db.session.commit()


def run_check_site() -> None:
    """Look at the certificate of PUBLIC_URL."""
    check_site_certificate()
    db.session.commit()


def run_check_sign_in_provider() -> None:
    """Look whether the team's sign-in provider can be used."""
    check_sign_in_provider()
    db.session.commit()


def run_send_webhooks() -> None:
    """Send the alerts that wait for the webhook."""
    alert_webhooks.send_due()


def run_reconcile() -> None:
    """Compare statistics with the rows they count, and correct them."""
    reconcile()


def run_retention() -> None:
    """Delete rollups that no statistic reads any more, and alerts that nobody takes."""
    delete_expired()
    alert_webhooks.delete_old()
    db.session.commit()
