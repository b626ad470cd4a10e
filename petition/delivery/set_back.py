"""A clock that is set back leaves what waits in the future: take it up where it was."""

from sqlalchemy import text

from petition.core.db import db
from petition.delivery.claim import lease
from petition.delivery.holds import SERVER_REST_CAP
from petition.delivery.lanes import LANES, SERVER

# Each waits as long from now on as it was meant to wait. A mailing keeps to its own plan.
WAITING = text("""
    UPDATE deliveries SET next_attempt_at = now() + (next_attempt_at - coalesce(tried_at, created_at)),
        created_at = least(created_at, now()), tried_at = least(tried_at, now())
    WHERE lane = ANY(:lanes) AND state IN ('due', 'deferred') AND next_attempt_at > now()
        AND coalesce(tried_at, created_at) > now()
""")
LEASED = text("""
    UPDATE deliveries SET lease_until = now() + :lease WHERE state = 'sending' AND lease_until > now() + :lease
""")
RESTING = text("DELETE FROM holds WHERE scope = :server AND until > now() + make_interval(secs => :longest)")


def resume() -> None:
    """Bring back what a clock that was set back left in the future: emails, leases, the mail server's rest. Flushes."""
    lanes = [lane.name for lane in LANES.values() if lane.open_mailings is None]
    db.session.execute(WAITING, {"lanes": lanes})
    db.session.execute(LEASED, {"lease": lease()})
    db.session.execute(RESTING, {"server": SERVER, "longest": SERVER_REST_CAP})
