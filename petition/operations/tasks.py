"""What beat asks of the operators' view."""

from petition.core.db import db
from petition.operations.reconcile import reconcile
from petition.operations.rollup import delete_expired
from petition.operations.smtp_probe import probe_mail_server


def run_probe() -> None:
    """Look at the mail server."""
    probe_mail_server()
    db.session.commit()


def run_reconcile() -> None:
    """Compare the figures with the rows."""
    reconcile()


def run_retention() -> None:
    """Drop what no figure reads any more."""
    delete_expired()
