"""From the link mailed to the signature confirmed, by recipient domain: who holds mail back shows here first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import text

from petition.core.db import db
from petition.operations import waits

SHOWN = 15
ENOUGH = 20  # emails, below which a share says nothing
WELL_BELOW = 0.5  # of the others' share

# The largest domains first, by one pass over the mail; then only their rows, by the key.
FUNNEL = text("""
    WITH largest AS (
        SELECT domain FROM (
            SELECT domain, n FROM domain_tallies WHERE hour >= :since AND state IN ('sent', 'deferred', 'failed')
            UNION ALL
            SELECT domain, entered FROM tally_log WHERE entered > 0 AND domain <> '' AND hour >= :since
             AND state IN ('sent', 'deferred', 'failed')) AS mail
        GROUP BY domain ORDER BY sum(n) DESC, domain LIMIT :limit)
    SELECT domain, state, bucket, sum(n)::bigint AS n FROM (
        SELECT domain, state, bucket, n FROM domain_tallies JOIN largest USING (domain) WHERE hour >= :since
        UNION ALL
        SELECT domain, state, CASE WHEN state = 'confirmed' THEN coalesce(bucket, -1) ELSE -1 END, entered
        FROM tally_log JOIN largest USING (domain) WHERE entered > 0 AND hour >= :since) AS logged GROUP BY 1, 2, 3
""")


@dataclass
class Domain:
    """What became of the links asked for by the addresses of one domain. `marked` says what is wrong with it."""

    name: str
    mailed: int = 0
    confirmed: int = 0
    deferred: int = 0
    failed: int = 0
    waits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    marked: str | None = None

    @property
    def share(self) -> float | None:
        """Confirmed of those mailed, at most one; None of none."""
        return min(1.0, self.confirmed / self.mailed) if self.mailed else None

    @property
    def median(self) -> float | None:
        """Seconds from asking for the link to confirming."""
        return waits.percentile(self.waits, 0.5)


def funnel(since: datetime, limit: int = SHOWN) -> list[Domain]:
    """Return the largest domains of the links asked for since an hour, most mail first, the troubled ones marked."""
    found: dict[str, Domain] = {}
    hour = since.replace(minute=0, second=0, microsecond=0)
    for row in db.session.execute(FUNNEL, {"since": hour, "limit": limit}):
        domain = found.setdefault(row.domain, Domain(row.domain))
        if row.state == "sent":
            domain.mailed += row.n
        elif row.state == "confirmed":
            domain.confirmed += row.n
            if row.bucket >= 0:
                domain.waits[row.bucket] += row.n
        elif row.state in ("deferred", "failed"):
            setattr(domain, row.state, getattr(domain, row.state) + row.n)
    domains = sorted(found.values(), key=lambda d: (-(d.mailed + d.deferred + d.failed), d.name))
    mark(domains)
    return domains


def last_hour(now: datetime) -> datetime:
    """Return the start of the hour before this one, so that there is always a whole hour to see."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def mark(domains: Iterable[Domain]) -> None:
    """Mark the domains whose signers confirm far less often than the others', or whose mail is refused or put off."""
    domains = list(domains)
    for domain in domains:
        others = [d.share for d in domains if d is not domain and d.mailed >= ENOUGH and d.share is not None]
        tried = domain.mailed + domain.failed
        if domain.failed >= 5 and domain.failed > tried / 2:
            domain.marked = "refuses"
        elif domain.deferred >= 5 and domain.deferred > 2 * domain.mailed:
            domain.marked = "puts off"
        elif others and domain.mailed >= ENOUGH and (domain.share or 0.0) < WELL_BELOW * median(others):
            domain.marked = "few confirm"
