"""What is put off, failed or unknown: grouped by cause and recipient domain, and row by row."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.queues import EMAIL_QUEUES

MAX_GROUPS = 50
PAGE_SIZE = 50  # rows

# The constant list of states is there for the planner: it is the predicate of the partial index.
GROUPS = text("""
    WITH logged AS (
        SELECT queue, state, cause, domain, change AS n FROM state_change_log
        WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')),
    spoken_of AS (SELECT DISTINCT queue, state, cause, domain FROM logged),
    -- The largest of what is folded, by the index, and whatever the log speaks of: however many groups there are.
    candidates AS (
        (SELECT queue, state, cause, domain FROM failure_groups ORDER BY n DESC
         LIMIT CAST(:limit AS bigint) + (SELECT count(*) FROM spoken_of))
        UNION SELECT * FROM spoken_of),
    grouped AS (
        SELECT queue, state, cause, domain, sum(n)::bigint AS n FROM (
            -- OFFSET 0 keeps this a look-up of each candidate by the key, where a join would read the whole table.
            SELECT c.*, folded.n FROM candidates c CROSS JOIN LATERAL (
                SELECT n FROM failure_groups f WHERE f.queue = c.queue AND f.state = c.state AND f.cause = c.cause
                AND f.domain = c.domain OFFSET 0) AS folded
            UNION ALL SELECT * FROM logged) AS everything
        GROUP BY 1, 2, 3, 4 HAVING sum(n) > 0 ORDER BY n DESC LIMIT :limit)
    SELECT g.*, first.tried_at AS first_at, last.tried_at AS last_at, last.reason AS sample, last.id AS sample_id
    FROM grouped g
    LEFT JOIN LATERAL (
        SELECT tried_at FROM deliveries d WHERE d.queue = g.queue AND d.state = g.state AND d.cause = g.cause
        AND coalesce(d.domain, '') = g.domain AND d.state IN ('deferred', 'failed', 'unknown')
        ORDER BY tried_at LIMIT 1) AS first ON true
    LEFT JOIN LATERAL (
        SELECT id, tried_at, reason FROM deliveries d WHERE d.queue = g.queue AND d.state = g.state
        AND d.cause = g.cause AND coalesce(d.domain, '') = g.domain
        AND d.state IN ('deferred', 'failed', 'unknown') ORDER BY tried_at DESC LIMIT 1) AS last ON true
    ORDER BY g.n DESC, g.queue, g.state, g.cause, g.domain
""")


@dataclass(frozen=True)
class DeliveryFilter:
    """Which of the deliveries that are put off, failed or unknown; what is None does not matter."""

    queue: str | None = None
    state: str | None = None
    cause: str | None = None
    domain: str | None = None

    def conditions(self) -> list[Any]:
        """Return the conditions on `Delivery`, led by the columns of its index."""
        found: list[Any] = [
            Delivery.queue.in_([self.queue] if self.queue else list(EMAIL_QUEUES)),
            text("deliveries.state IN ('deferred', 'failed', 'unknown')"),
        ]
        if self.state:
            found.append(Delivery.state == self.state)
        if self.cause is not None:
            found.append(Delivery.cause == self.cause)
        if self.domain is not None:
            found.append(func.coalesce(Delivery.domain, "") == self.domain)
        return found

    def to_dict(self) -> dict[str, str]:
        """Return what matters, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class FailureSummary:
    """Deliveries of one queue and state that share a cause and a recipient domain."""

    queue: str
    state: str
    cause: str
    domain: str
    n: int
    first_at: datetime | None
    last_at: datetime | None
    sample: str | None  # the server's words for the last one
    sample_id: int | None

    @property
    def filter(self) -> DeliveryFilter:
        """What finds exactly these."""
        return DeliveryFilter(self.queue, self.state, self.cause, self.domain)


def list_groups(limit: int = MAX_GROUPS) -> list[FailureSummary]:
    """Return the largest groups, exactly counted, each with its first and last time and the server's last words."""
    return [FailureSummary(**row) for row in db.session.execute(GROUPS, {"limit": limit}).mappings()]


def list_deliveries(
    which: DeliveryFilter, before: tuple[datetime, int] | None = None, limit: int = PAGE_SIZE
) -> list[Any]:
    """Return a page of the deliveries of a filter, the last tried first, after a row of the page before."""
    tried = func.coalesce(Delivery.tried_at, Delivery.created_at)
    query = select(Delivery).where(*which.conditions()).order_by(tried.desc(), Delivery.id.desc()).limit(limit)
    if before:
        query = query.where(tuple_(tried, Delivery.id) < before)
    return list(db.session.scalars(query))
