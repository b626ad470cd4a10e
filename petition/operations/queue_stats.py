"""How much waits in each queue, how fast it leaves, and how long it took."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from petition.core.db import db
from petition.delivery.models import STATES, DeliveryState
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations import latency

HOUR = timedelta(hours=1)
RATE_WINDOW = timedelta(minutes=10)  # that rates are of
DAY = timedelta(days=1)
CHART_INTERVAL = timedelta(hours=1)  # of the plots of a day

DEPTHS = text("""
    SELECT subject, queue, state, sum(n)::bigint AS n FROM (
        SELECT subject, queue, state, n FROM state_counts
        UNION ALL SELECT subject, queue, state, change FROM state_change_log) AS everything
    GROUP BY 1, 2, 3
""")
# Each of these touches the first entry of an index.
OLDEST_AND_NEXT = text("""
    SELECT queue,
        (SELECT min(next_attempt_at) FROM deliveries d
         WHERE d.queue = l.queue AND state IN ('due', 'deferred') AND next_attempt_at <= now()) AS oldest_waiting,
        (SELECT min(next_attempt_at) FROM deliveries d WHERE d.queue = l.queue AND state = 'sending') AS oldest_sending,
        (SELECT min(next_attempt_at) FROM deliveries d
         WHERE d.queue = l.queue AND state IN ('due', 'deferred') AND next_attempt_at > now()) AS next_at
    FROM unnest(CAST(:queues AS text[])) AS l (queue)
""")
# By minute what entered each state lately, and by wait what left in the hour: a few dozen rows, however much it was.
LAST_HOUR = text("""
    SELECT queue, state, minute, bucket, sum(n)::bigint AS n FROM (
        SELECT queue, state, minute, bucket, n FROM minute_rollups WHERE subject = 'delivery' AND minute >= :since
        UNION ALL
        SELECT queue, state, minute, coalesce(bucket, -1), entered FROM state_change_log
        WHERE subject = 'delivery' AND entered > 0 AND minute >= :since) AS everything
    GROUP BY GROUPING SETS ((queue, state, minute), (queue, state, bucket))
    HAVING minute >= :lately OR (state = 'sent' AND bucket >= 0)
""")
SENT_BY_HOUR = text("""
    SELECT queue, slot, bucket, sum(n)::bigint AS n FROM (
        SELECT queue, date_bin('1 hour', minute, :since) AS slot, bucket, n FROM minute_rollups
        WHERE subject = 'delivery' AND state = 'sent' AND minute >= :since
        UNION ALL
        SELECT queue, date_bin('1 hour', minute, :since), coalesce(bucket, -1), entered FROM state_change_log
        WHERE subject = 'delivery' AND state = 'sent' AND entered > 0 AND minute >= :since) AS everything
    GROUP BY 1, 2, 3
""")


@dataclass(frozen=True)
class QueueStats:
    """One queue at this moment. Ages in seconds, rates in emails per minute."""

    name: str
    depth: dict[str, int]
    oldest: float | None  # waiting or being sent, since it was due
    next_at: datetime | None  # when the first of those put off is due again
    per_minute: float
    per_minute_10: float
    seconds_to_empty: float | None  # seconds, at the rate of the last ten minutes; None when nothing leaves

    @property
    def waiting(self) -> int:
        """Emails that are to leave and have not."""
        return sum(self.depth[state] for state in ("due", "deferred", "sending"))


@dataclass(frozen=True)
class LatencySummary:
    """From posting to the mail server's 250, over a period. Seconds, and shares of one."""

    sent: int
    p50: float | None
    p95: float | None
    p99: float | None
    within_10s: float | None


@dataclass
class HourStats:
    """What one hour came to."""

    at: datetime
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EMAIL_QUEUES, 0))
    latency_counts: dict[int, int] = field(default_factory=dict)  # of confirmations


def read_depths() -> dict[tuple[str, str, str], int]:
    """Return how many rows are in each state now, by subject, queue and state."""
    return {(row.subject, row.queue, row.state): row.n for row in db.session.execute(DEPTHS)}


def summarise_latency(counts: latency.BucketCounts) -> LatencySummary:
    """Return the figures of a histogram."""
    p50, p95, p99 = (latency.percentile(counts, share) for share in (0.5, 0.95, 0.99))
    return LatencySummary(sum(counts.values()), p50, p95, p99, latency.share_within(counts, 10.0))


@dataclass(frozen=True)
class LastHour:
    """What entered each state lately, by queue and state, minute by minute; and how long what left in the hour took."""

    now: datetime
    minutes: dict[tuple[str, str], dict[datetime, int]]
    buckets: dict[str, dict[int, int]]

    def count_entered(self, queue: str, state: str, within: timedelta) -> float:
        """Return how many rows of a queue entered a state within at most LATELY; a minute counts as it overlaps."""
        since, total = self.now - within, 0.0
        for minute, n in self.minutes.get((queue, state), {}).items():
            overlap = (minute + timedelta(minutes=1) - since).total_seconds() / 60
            total += n * min(1.0, max(0.0, overlap))
        return total

    def latency_counts(self, queue: str) -> dict[int, int]:
        """Return how long the emails of a queue took, as counts in buckets."""
        return self.buckets.get(queue, {})


def read_last_hour(now: datetime) -> LastHour:
    """Read the last hour."""
    hour = LastHour(now, defaultdict(dict), defaultdict(dict))
    when = {"since": now - HOUR, "lately": now - RATE_WINDOW - timedelta(minutes=1)}
    for queue, state, minute, bucket, n in db.session.execute(LAST_HOUR, when):
        if minute is None:
            hour.buckets[queue][bucket] = n
        else:
            hour.minutes[queue, state][minute] = n
    return hour


def read_queue_stats(now: datetime, hour: LastHour) -> list[QueueStats]:
    """Return each queue at this moment."""
    known = read_depths()
    edges = {row.queue: row for row in db.session.execute(OLDEST_AND_NEXT, {"queues": list(EMAIL_QUEUES)})}
    return [_build_queue_stats(queue, known, edges[queue], now, hour) for queue in EMAIL_QUEUES]


def _build_queue_stats(
    name: str, known: dict[tuple[str, str, str], int], edge: object, now: datetime, hour: LastHour
) -> QueueStats:
    depth = {state: known.get(("delivery", name, state), 0) for state in STATES}
    starts = [at for at in (edge.oldest_waiting, edge.oldest_sending) if at]  # type: ignore[attr-defined]
    per_minute_10 = hour.count_entered(name, DeliveryState.SENT, RATE_WINDOW) / 10
    waiting = depth["due"] + depth["deferred"] + depth["sending"]
    return QueueStats(
        name=name,
        depth=depth,
        oldest=max(0.0, (now - min(starts)).total_seconds()) if starts else None,
        next_at=edge.next_at,  # type: ignore[attr-defined]
        per_minute=hour.count_entered(name, DeliveryState.SENT, timedelta(minutes=1)),
        per_minute_10=per_minute_10,
        seconds_to_empty=0.0 if not waiting else waiting / per_minute_10 * 60 if per_minute_10 else None,
    )


def read_last_day(now: datetime) -> list[HourStats]:
    """Return the last day hour by hour, oldest first, those in which nothing left included."""
    end = now.replace(minute=0, second=0, microsecond=0) + CHART_INTERVAL
    since = end - DAY
    slots = {since + CHART_INTERVAL * n: HourStats(since + CHART_INTERVAL * n) for n in range(DAY // CHART_INTERVAL)}
    for row in db.session.execute(SENT_BY_HOUR, {"since": since}):
        slot = slots.get(row.slot)
        if slot is None or row.queue not in slot.sent:
            continue
        slot.sent[row.queue] += row.n
        if row.queue == "confirmations" and row.bucket >= 0:
            slot.latency_counts[row.bucket] = slot.latency_counts.get(row.bucket, 0) + row.n
    return list(slots.values())


def merge_latency_counts(slots: Iterable[HourStats]) -> dict[int, int]:
    """Return how long confirmations took over all the slots."""
    return _sum(pair for slot in slots for pair in slot.latency_counts.items())


def _sum(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    total: dict[int, int] = defaultdict(int)
    for bucket, n in pairs:
        total[bucket] += n
    return dict(total)
