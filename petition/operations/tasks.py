"""What beat asks of the operators' view."""

from celery import shared_task

from petition.core.db import db
from petition.operations.probe import probe_mail_server
from petition.operations.reconcile import reconcile
from petition.operations.tallies import forget


@shared_task(name="petition.operations.tasks.probe")
def run_probe() -> None:
    """Look at the mail server."""
    probe_mail_server()
    db.session.commit()


@shared_task(name="petition.operations.tasks.reconcile")
def run_reconcile() -> None:
    """Compare the figures with the rows."""
    reconcile()


@shared_task(name="petition.operations.tasks.tidy")
def run_tidy() -> None:
    """Drop what no figure reads any more."""
    forget()
