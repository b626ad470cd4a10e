"""What beat asks about what comes back."""

from datetime import timedelta

from sqlalchemy import update

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.mailbox import poll_mailbox
from petition.delivery.bounces.models import Bounce

RAW_RETENTION = timedelta(days=30)


def run_poll() -> None:
    """Look into the mailbox that bounces come to."""
    poll_mailbox()


def run_retention() -> None:
    """Drop the text of reports that nobody can learn from any more: it may hold an address."""
    old = (Bounce.at < clock.now() - RAW_RETENTION) & Bounce.raw.is_not(None)
    db.session.execute(update(Bounce).where(old).values(raw=None).execution_options(synchronize_session=False))
    db.session.commit()
