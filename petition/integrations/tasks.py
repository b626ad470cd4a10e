"""Tasks of webhooks: send what is due, delete what is old."""

from petition.core import clock
from petition.core.db import db
from petition.delivery.queues import WEBHOOKS
from petition.delivery.wakeup import clear_wakeup_flag
from petition.integrations.webhooks import sender
from petition.integrations.webhooks.endpoints import EVENT_RETENTION


def run_send_webhooks() -> None:
    """Send the events that are due."""
    clear_wakeup_flag(WEBHOOKS)
    sender.send_due()


def run_retention() -> None:
    """Delete old events."""
    sender.delete_old(clock.now() - EVENT_RETENTION)
    db.session.commit()
