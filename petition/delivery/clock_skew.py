"""A clock that is set back leaves what waits in the future: take it up where it was."""

from sqlalchemy import text

from petition.core.db import db
from petition.delivery.claims import get_lease_duration
from petition.delivery.pauses import MAX_SERVER_BACKOFF_SECONDS
from petition.delivery.queues import EMAIL_QUEUES, SERVER

# Each waits as long from now on as it was meant to wait. A mailing keeps to its own plan.
REPAIR_WAITING = text("""
    UPDATE deliveries SET next_attempt_at = now() + (next_attempt_at - coalesce(tried_at, created_at)),
        created_at = least(created_at, now()), tried_at = least(tried_at, now())
    WHERE queue = ANY(:queues) AND state IN ('due', 'deferred') AND next_attempt_at > now()
        AND coalesce(tried_at, created_at) > now()
""")
REPAIR_LEASES = text("""
    UPDATE deliveries SET lease_until = now() + :lease WHERE state = 'sending' AND lease_until > now() + :lease
""")
END_SERVER_BACKOFF = text(
    "DELETE FROM pauses WHERE scope = :server AND until > now() + make_interval(secs => :longest)"
)


def repair_future_times() -> None:
    """Bring back what a clock that was set back left in the future: emails, leases, the mail server's rest. Flushes."""
    queues = [queue.name for queue in EMAIL_QUEUES.values() if queue.open_mailings is None]
    db.session.execute(REPAIR_WAITING, {"queues": queues})
    db.session.execute(REPAIR_LEASES, {"lease": get_lease_duration()})
    db.session.execute(END_SERVER_BACKOFF, {"server": SERVER, "longest": MAX_SERVER_BACKOFF_SECONDS})
