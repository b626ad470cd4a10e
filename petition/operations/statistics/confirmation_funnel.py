"""Confirmation funnel by recipient domain: sent, confirmed, deferred, failed.

A provider that delays emails or files them as spam shows here first.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from petition.core.db import db
from petition.delivery.models import DeliveryState
from petition.operations.statistics import latency, queries
from petition.signatures.models import SignatureState

MAX_DOMAINS = 15
MIN_EMAILS = 20  # below this, a confirmation rate is not compared
MIN_PROBLEM_EMAILS = 5  # below this, failed or deferred emails are not called a problem
LOW_RATE_FACTOR = 0.5  # a rate below this share of the other domains' median is low


@dataclass
class DomainFunnel:
    """What became of the confirmation emails to one domain. `problem` is a key of `labels.domain_problem_label`."""

    name: str
    mailed: int = 0
    confirmed: int = 0
    deferred: int = 0
    failed: int = 0
    latency_counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # from request to confirmation
    accept_counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # from request to the server's 250
    problem: str | None = None

    @property
    def confirmation_rate(self) -> float | None:
        """Confirmed signatures per email sent, at most 1; None without emails."""
        return min(1.0, self.confirmed / self.mailed) if self.mailed else None

    @property
    def median(self) -> float | None:
        """Median seconds from the request of the link to the confirmation."""
        return latency.percentile(self.latency_counts, 0.5)

    @property
    def p95(self) -> float | None:
        """Seconds from the request of the link to the mail server's 250 that 95 % of the emails do not exceed."""
        return latency.percentile(self.accept_counts, 0.95)


def read_funnel(since: datetime, limit: int = MAX_DOMAINS) -> list[DomainFunnel]:
    """Return the domains with the most mail for links requested since an hour, largest first, problems flagged."""
    found: dict[str, DomainFunnel] = {}
    hour = since.replace(minute=0, second=0, microsecond=0)
    for row in db.session.execute(queries.CONFIRMATION_FUNNEL, {"since": hour, "limit": limit}):
        domain = found.setdefault(row.domain, DomainFunnel(row.domain))
        if row.state == DeliveryState.SENT:
            domain.mailed += row.n
            if row.bucket >= 0:
                domain.accept_counts[row.bucket] += row.n
        elif row.state == DeliveryState.DEFERRED:
            domain.deferred += row.n
        elif row.state == DeliveryState.FAILED:
            domain.failed += row.n
        elif row.state == SignatureState.CONFIRMED:
            domain.confirmed += row.n
            if row.bucket >= 0:
                domain.latency_counts[row.bucket] += row.n
    domains = sorted(found.values(), key=lambda d: (-(d.mailed + d.deferred + d.failed), d.name))
    flag_problems(domains)
    return domains


def start_of_previous_hour(now: datetime) -> datetime:
    """Return the start of the hour before this one, so that the period always has one complete hour."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def flag_problems(domains: Iterable[DomainFunnel]) -> None:
    """Set `problem` of domains that refuse or defer most mail, or confirm far less often than the other domains."""
    domains = list(domains)
    for domain in domains:
        other_rates = [
            other.confirmation_rate
            for other in domains
            if other is not domain and other.mailed >= MIN_EMAILS and other.confirmation_rate is not None
        ]
        if domain.failed >= MIN_PROBLEM_EMAILS and domain.failed > (domain.mailed + domain.failed) / 2:
            domain.problem = "refuses"
        elif domain.deferred >= MIN_PROBLEM_EMAILS and domain.deferred > 2 * domain.mailed:
            domain.problem = "defers"
        elif (
            other_rates
            and domain.mailed >= MIN_EMAILS
            and (domain.confirmation_rate or 0.0) < LOW_RATE_FACTOR * median(other_rates)
        ):
            domain.problem = "few confirm"
