"""From the link mailed to the signature confirmed, by recipient domain: who holds mail back shows here first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import text

from petition.core.db import db
from petition.operations import latency

MAX_DOMAINS = 15
MIN_EMAILS = 20  # emails, below which a share says nothing
LOW_RATE_FACTOR = 0.5  # of the others' share

# The largest domains first, by one pass over the mail; then only their rows, by the key.
FUNNEL = text("""
    WITH largest AS (
        SELECT domain FROM (
            SELECT domain, n FROM domain_rollups WHERE hour >= :since AND state IN ('sent', 'deferred', 'failed')
            UNION ALL
            SELECT domain, entered FROM state_change_log WHERE entered > 0 AND domain <> '' AND hour >= :since
             AND state IN ('sent', 'deferred', 'failed')) AS mail
        GROUP BY domain ORDER BY sum(n) DESC, domain LIMIT :limit)
    SELECT domain, state, bucket, sum(n)::bigint AS n FROM (
        SELECT domain, state, bucket, n FROM domain_rollups JOIN largest USING (domain) WHERE hour >= :since
        UNION ALL
        SELECT domain, state, CASE WHEN state = 'confirmed' THEN coalesce(bucket, -1) ELSE -1 END, entered
        FROM state_change_log JOIN largest USING (domain) WHERE entered > 0 AND hour >= :since) AS logged GROUP BY 1, 2, 3
""")


@dataclass
class DomainFunnel:
    """What became of the links asked for by the addresses of one domain. `marked` says what is wrong with it."""

    name: str
    mailed: int = 0
    confirmed: int = 0
    deferred: int = 0
    failed: int = 0
    latency_counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    problem: str | None = None

    @property
    def confirmation_rate(self) -> float | None:
        """Confirmed of those mailed, at most one; None of none."""
        return min(1.0, self.confirmed / self.mailed) if self.mailed else None

    @property
    def median(self) -> float | None:
        """Seconds from asking for the link to confirming."""
        return latency.percentile(self.latency_counts, 0.5)


def read_funnel(since: datetime, limit: int = MAX_DOMAINS) -> list[DomainFunnel]:
    """Return the largest domains of the links asked for since an hour, most mail first, the troubled ones marked."""
    found: dict[str, DomainFunnel] = {}
    hour = since.replace(minute=0, second=0, microsecond=0)
    for row in db.session.execute(FUNNEL, {"since": hour, "limit": limit}):
        domain = found.setdefault(row.domain, DomainFunnel(row.domain))
        if row.state == "sent":
            domain.mailed += row.n
        elif row.state == "confirmed":
            domain.confirmed += row.n
            if row.bucket >= 0:
                domain.latency_counts[row.bucket] += row.n
        elif row.state in ("deferred", "failed"):
            setattr(domain, row.state, getattr(domain, row.state) + row.n)
    domains = sorted(found.values(), key=lambda d: (-(d.mailed + d.deferred + d.failed), d.name))
    flag_problems(domains)
    return domains


def start_of_previous_hour(now: datetime) -> datetime:
    """Return the start of the hour before this one, so that there is always a whole hour to see."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def flag_problems(domains: Iterable[DomainFunnel]) -> None:
    """Mark the domains whose signers confirm far less often than the others', or whose mail is refused or put off."""
    domains = list(domains)
    for domain in domains:
        others = [
            d.confirmation_rate
            for d in domains
            if d is not domain and d.mailed >= MIN_EMAILS and d.confirmation_rate is not None
        ]
        tried = domain.mailed + domain.failed
        if domain.failed >= 5 and domain.failed > tried / 2:
            domain.problem = "refuses"
        elif domain.deferred >= 5 and domain.deferred > 2 * domain.mailed:
            domain.problem = "puts off"
        elif (
            others
            and domain.mailed >= MIN_EMAILS
            and (domain.confirmation_rate or 0.0) < LOW_RATE_FACTOR * median(others)
        ):
            domain.problem = "few confirm"
