"""Repair `next_attempt_at` values and leases left in the future when the system clock moved back."""

from petition.core.db import db
from petition.delivery.claims import get_lease_duration
from petition.delivery.pacing.paces import MAX_BACKOFF_SECONDS
from petition.delivery.pacing.queries import REPAIR_FUTURE_BACKOFFS
from petition.delivery.pauses import MAX_SERVER_BACKOFF_SECONDS
from petition.delivery.queries import END_FUTURE_BACK_OFF, REPAIR_FUTURE_DELIVERIES, REPAIR_FUTURE_LEASES
from petition.delivery.queues import EMAIL_QUEUES, SERVER


def repair_future_times() -> None:
    """Repair what a clock that moved back left in the future: emails, leases, back-offs. Flushes."""
    queues = [queue.name for queue in EMAIL_QUEUES.values() if not queue.by_mailing]
    db.session.execute(REPAIR_FUTURE_DELIVERIES, {"queues": queues})
    db.session.execute(REPAIR_FUTURE_LEASES, {"lease": get_lease_duration()})
    db.session.execute(END_FUTURE_BACK_OFF, {"server": SERVER, "max_seconds": MAX_SERVER_BACKOFF_SECONDS})
    db.session.execute(REPAIR_FUTURE_BACKOFFS, {"max_seconds": MAX_BACKOFF_SECONDS})
