"""What beat asks about what comes back."""

from datetime import timedelta

from celery import shared_task
from sqlalchemy import update

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.poll import poll

RAW_KEPT = timedelta(days=30)


@shared_task(name="petition.delivery.bounces.tasks.poll")
def run_poll() -> None:
    """Look into the mailbox that bounces come to."""
    poll()


@shared_task(name="petition.delivery.bounces.tasks.forget")
def run_forget() -> None:
    """Drop the text of reports that nobody can learn from any more: it may hold an address."""
    old = (Bounce.at < clock.now() - RAW_KEPT) & Bounce.raw.is_not(None)
    db.session.execute(update(Bounce).where(old).values(raw=None).execution_options(synchronize_session=False))
    db.session.commit()
