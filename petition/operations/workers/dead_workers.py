"""End the leases of workers of this host that died, so that what they were sending does not wait for its lease.

A worker is dead if no process of this host has its id and it has sent no heartbeat for some seconds (another container
may have the same host name), or if the claim is older than this process, which has its id now: a container that was
started again. One that is suspended exists, and keeps its leases.
"""

import os
import socket
import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from petition.core.db import db
from petition.delivery.claims import get_lease_duration
from petition.delivery.wakeup import wake
from petition.operations import process_queries
from petition.operations.health.facts import SILENT_AFTER_SECONDS

_IMPORTED = time.monotonic()

log = structlog.get_logger(__name__)


def end_leases() -> list[str]:
    """End the leases of dead workers of this host, and wake their queues. Returns these workers. Commits."""
    host, this = f"{socket.gethostname()}/", f"{socket.gethostname()}/{os.getpid()}/"
    rows = db.session.execute(
        process_queries.SELECT_CLAIMS, {"host": host, "this": this, "silent_after": SILENT_AFTER_SECONDS}
    ).all()
    dead = [row.claimed_by for row in rows if _is_dead(row.claimed_by, row.lease_until, this)]
    if not dead:
        db.session.rollback()
        return []
    queues = set(db.session.scalars(process_queries.END_LEASES, {"workers": dead}))
    db.session.commit()
    log.warning("workers died while sending: their emails are taken over", workers=dead)
    for queue in sorted(queues):
        wake(queue)
    return dead


def _is_dead(claimed_by: str, lease_until: datetime, this: str) -> bool:
    if claimed_by.startswith(this):
        return _is_from_before(lease_until - get_lease_duration())
    pid = claimed_by.split("/")[1]
    return pid.isdecimal() and not _exists(int(pid))


def _is_from_before(claimed_at: datetime) -> bool:
    """Return whether a moment was before this process began; asked in its first minute, as clocks may be set later."""
    age = time.monotonic() - _IMPORTED
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    return age < 60 and claimed_at < now - timedelta(seconds=age)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True
