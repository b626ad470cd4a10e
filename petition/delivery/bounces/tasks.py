"""Periodic tasks: poll the bounce mailbox, and delete the raw text of old reports and old webhook tokens."""

from sqlalchemy import update

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.dmarc_reports import delete_old_reports
from petition.delivery.bounces.mailbox import poll_mailbox
from petition.delivery.bounces.models import RAW_RETENTION, Bounce
from petition.delivery.bounces.webhook_auth import forget_old_tokens


def run_poll() -> None:
    """Process the messages in the bounce mailbox."""
    poll_mailbox()


def run_retention() -> None:
    """Delete the raw text of old reports, which may contain an address, old webhook tokens and old DMARC sums."""
    forget_old_tokens()
    delete_old_reports()
    is_old = (Bounce.at < clock.now() - RAW_RETENTION) & Bounce.raw.is_not(None)
    db.session.execute(update(Bounce).where(is_old).values(raw=None).execution_options(synchronize_session=False))
    db.session.commit()
