"""Queue statistics: emails by state, rates, and latency over the last hour and day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from petition.core.db import db
from petition.delivery.models import STATES, DeliveryState
from petition.delivery.queues import CONFIRMATIONS, EMAIL_QUEUES
from petition.operations.health.facts import HealthFacts
from petition.operations.statistics import latency, queries

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RATE_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True)
class QueueStats:
    """One queue now. Ages in seconds, rates in emails per minute."""

    name: str
    depth: dict[str, int]
    oldest: float | None  # since the oldest email that is due or being sent was due
    next_at: datetime | None  # when the next deferred email is due
    per_minute: float
    per_minute_10: float  # over the last ten minutes

    @property
    def waiting(self) -> int:
        """Emails that are not settled yet."""
        return count_waiting(self.depth)


@dataclass(frozen=True)
class LatencySummary:
    """From enqueueing to the mail server's 250, over a period. Percentiles in seconds, the share between 0 and 1."""

    sent: int
    p50: float | None
    p95: float | None
    p99: float | None
    within_10s: float | None


@dataclass
class HourStats:
    """Emails sent in one hour."""

    at: datetime
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EMAIL_QUEUES, 0))
    latency_counts: dict[int, int] = field(default_factory=dict)  # of confirmations


def read_depths() -> dict[tuple[str, str, str], int]:
    """Return how many rows are in each state now, by subject, queue and state."""
    return {(row.subject, row.queue, row.state): row.n for row in db.session.execute(queries.STATE_COUNTS)}


def count_waiting(depth: dict[str, int]) -> int:
    """Return how many emails are not settled yet."""
    return depth[DeliveryState.DUE] + depth[DeliveryState.DEFERRED] + depth[DeliveryState.SENDING]


def summarise_latency(counts: latency.BucketCounts) -> LatencySummary:
    """Return count, percentiles and the share within 10 s of a histogram."""
    p50, p95, p99 = (latency.percentile(counts, share) for share in (0.5, 0.95, 0.99))
    return LatencySummary(sum(counts.values()), p50, p95, p99, latency.share_within(counts, 10.0))


@dataclass(frozen=True)
class LastHour:
    """Entries into each state by queue, state and minute, and the latency histogram of each queue's sent emails."""

    now: datetime
    minutes: dict[tuple[str, str], dict[datetime, int]]
    buckets: dict[str, dict[int, int]]

    def count_entered(self, queue: str, state: str, within: timedelta) -> float:
        """Count the entries into a state within at most `RATE_WINDOW`; a minute counts in proportion to its overlap."""
        since, total = self.now - within, 0.0
        for minute, n in self.minutes.get((queue, state), {}).items():
            overlap = (minute + timedelta(minutes=1) - since).total_seconds() / 60
            total += n * min(1.0, max(0.0, overlap))
        return total

    def latency_counts(self, queue: str) -> dict[int, int]:
        """Return the latency histogram of the emails of a queue."""
        return self.buckets.get(queue, {})


def read_last_hour(now: datetime) -> LastHour:
    """Read the statistics of the last hour."""
    hour = LastHour(now, defaultdict(dict), defaultdict(dict))
    parameters = {"since": now - HOUR, "minutes_since": now - RATE_WINDOW - timedelta(minutes=1)}
    for queue, state, minute, bucket, n in db.session.execute(queries.LAST_HOUR, parameters):
        if minute is None:
            hour.buckets[queue][bucket] = n
        else:
            hour.minutes[queue, state][minute] = n
    return hour


def read_queue_stats(now: datetime, hour: LastHour, facts: HealthFacts) -> list[QueueStats]:
    """Return the statistics of each queue now. A form that no worker has taken yet counts as a due confirmation."""
    depths = read_depths()
    depths["delivery", CONFIRMATIONS.name, DeliveryState.DUE] = facts.requests + depths.get(
        ("delivery", CONFIRMATIONS.name, DeliveryState.DUE), 0
    )
    times = {row.queue: row for row in db.session.execute(queries.OLDEST_AND_NEXT, {"queues": list(EMAIL_QUEUES)})}
    oldest_requests = {CONFIRMATIONS.name: facts.oldest_request_at}
    return [
        _build_queue_stats(queue, depths, times[queue], oldest_requests.get(queue), now, hour) for queue in EMAIL_QUEUES
    ]


def _build_queue_stats(
    name: str,
    depths: dict[tuple[str, str, str], int],
    times: Any,
    oldest_request_at: datetime | None,
    now: datetime,
    hour: LastHour,
) -> QueueStats:
    depth = {state: depths.get(("delivery", name, state), 0) for state in STATES}
    due_times = [at for at in (times.oldest_waiting, times.oldest_sending, oldest_request_at) if at]
    return QueueStats(
        name=name,
        depth=depth,
        oldest=max(0.0, (now - min(due_times)).total_seconds()) if due_times else None,
        next_at=times.next_at,
        per_minute=hour.count_entered(name, DeliveryState.SENT, timedelta(minutes=1)),
        per_minute_10=hour.count_entered(name, DeliveryState.SENT, RATE_WINDOW) / 10,
    )


def read_last_day(now: datetime) -> list[HourStats]:
    """Return the last 24 hours, oldest first, those without emails included."""
    since = now.replace(minute=0, second=0, microsecond=0) + HOUR - DAY
    hours = {since + HOUR * n: HourStats(since + HOUR * n) for n in range(DAY // HOUR)}
    for row in db.session.execute(queries.SENT_BY_HOUR, {"since": since}):
        hour = hours.get(row.hour)
        if hour is None or row.queue not in hour.sent:
            continue
        hour.sent[row.queue] += row.n
        if row.queue == CONFIRMATIONS.name and row.bucket >= 0:
            hour.latency_counts[row.bucket] = hour.latency_counts.get(row.bucket, 0) + row.n
    return list(hours.values())


def merge_latency_counts(hours: Iterable[HourStats]) -> dict[int, int]:
    """Return the latency histogram of confirmations over several hours."""
    total: dict[int, int] = defaultdict(int)
    for hour in hours:
        for bucket, n in hour.latency_counts.items():
            total[bucket] += n
    return dict(total)
