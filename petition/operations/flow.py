"""How much waits in each lane, how fast it leaves, and how long it took."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from petition.core.db import db
from petition.delivery.lanes import LANES
from petition.delivery.models import SENT, STATES
from petition.operations import waits

HOUR = timedelta(hours=1)
LATELY = timedelta(minutes=10)  # that rates are of
DAY = timedelta(days=1)
SLOT = timedelta(hours=1)  # of the plots of a day

DEPTHS = text("""
    SELECT subject, lane, state, sum(n)::bigint AS n FROM (
        SELECT subject, lane, state, n FROM depths
        UNION ALL SELECT subject, lane, state, change FROM tally_log) AS everything
    GROUP BY 1, 2, 3
""")
# Each of these touches the first entry of an index.
EDGES = text("""
    SELECT lane,
        (SELECT min(next_attempt_at) FROM deliveries d
         WHERE d.lane = l.lane AND state IN ('due', 'deferred') AND next_attempt_at <= now()) AS oldest_waiting,
        (SELECT min(next_attempt_at) FROM deliveries d WHERE d.lane = l.lane AND state = 'sending') AS oldest_sending,
        (SELECT min(next_attempt_at) FROM deliveries d
         WHERE d.lane = l.lane AND state IN ('due', 'deferred') AND next_attempt_at > now()) AS next_at
    FROM unnest(CAST(:lanes AS text[])) AS l (lane)
""")
# By minute what entered each state lately, and by wait what left in the hour: a few dozen rows, however much it was.
LAST_HOUR = text("""
    SELECT lane, state, minute, bucket, sum(n)::bigint AS n FROM (
        SELECT lane, state, minute, bucket, n FROM minute_tallies WHERE subject = 'delivery' AND minute >= :since
        UNION ALL
        SELECT lane, state, minute, coalesce(bucket, -1), entered FROM tally_log
        WHERE subject = 'delivery' AND entered > 0 AND minute >= :since) AS everything
    GROUP BY GROUPING SETS ((lane, state, minute), (lane, state, bucket))
    HAVING minute >= :lately OR (state = 'sent' AND bucket >= 0)
""")
SLOTS = text("""
    SELECT lane, slot, bucket, sum(n)::bigint AS n FROM (
        SELECT lane, date_bin('1 hour', minute, :since) AS slot, bucket, n FROM minute_tallies
        WHERE subject = 'delivery' AND state = 'sent' AND minute >= :since
        UNION ALL
        SELECT lane, date_bin('1 hour', minute, :since), coalesce(bucket, -1), entered FROM tally_log
        WHERE subject = 'delivery' AND state = 'sent' AND entered > 0 AND minute >= :since) AS everything
    GROUP BY 1, 2, 3
""")


@dataclass(frozen=True)
class LaneNow:
    """One lane at this moment. Ages in seconds, rates in emails per minute."""

    name: str
    depth: dict[str, int]
    oldest: float | None  # waiting or being sent, since it was due
    next_at: datetime | None  # when the first of those put off is due again
    per_minute: float
    per_minute_10: float
    to_empty: float | None  # seconds, at the rate of the last ten minutes; None when nothing leaves

    @property
    def waiting(self) -> int:
        """Emails that are to leave and have not."""
        return sum(self.depth[state] for state in ("due", "deferred", "sending"))


@dataclass(frozen=True)
class Speed:
    """From posting to the mail server's 250, over a period. Seconds, and shares of one."""

    sent: int
    p50: float | None
    p95: float | None
    p99: float | None
    within_10s: float | None


@dataclass
class Slot:
    """What one hour came to."""

    at: datetime
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    waits: dict[int, int] = field(default_factory=dict)  # of confirmations


def depths() -> dict[tuple[str, str, str], int]:
    """Return how many rows are in each state now, by subject, lane and state."""
    return {(row.subject, row.lane, row.state): row.n for row in db.session.execute(DEPTHS)}


def speed(counts: waits.Counts) -> Speed:
    """Return the figures of a histogram."""
    p50, p95, p99 = (waits.percentile(counts, share) for share in (0.5, 0.95, 0.99))
    return Speed(sum(counts.values()), p50, p95, p99, waits.share_within(counts, 10.0))


@dataclass(frozen=True)
class LastHour:
    """What entered each state lately, by lane and state, minute by minute; and how long what left in the hour took."""

    now: datetime
    minutes: dict[tuple[str, str], dict[datetime, int]]
    buckets: dict[str, dict[int, int]]

    def entered(self, lane: str, state: str, within: timedelta) -> float:
        """Return how many rows of a lane entered a state within at most LATELY; a minute counts as it overlaps."""
        since, total = self.now - within, 0.0
        for minute, n in self.minutes.get((lane, state), {}).items():
            overlap = (minute + timedelta(minutes=1) - since).total_seconds() / 60
            total += n * min(1.0, max(0.0, overlap))
        return total

    def waits(self, lane: str) -> dict[int, int]:
        """Return how long the emails of a lane took, as counts in buckets."""
        return self.buckets.get(lane, {})


def last_hour(now: datetime) -> LastHour:
    """Read the last hour."""
    hour = LastHour(now, defaultdict(dict), defaultdict(dict))
    when = {"since": now - HOUR, "lately": now - LATELY - timedelta(minutes=1)}
    for lane, state, minute, bucket, n in db.session.execute(LAST_HOUR, when):
        if minute is None:
            hour.buckets[lane][bucket] = n
        else:
            hour.minutes[lane, state][minute] = n
    return hour


def lanes_now(now: datetime, hour: LastHour) -> list[LaneNow]:
    """Return each lane at this moment."""
    known = depths()
    edges = {row.lane: row for row in db.session.execute(EDGES, {"lanes": list(LANES)})}
    return [_lane(lane, known, edges[lane], now, hour) for lane in LANES]


def _lane(name: str, known: dict[tuple[str, str, str], int], edge: object, now: datetime, hour: LastHour) -> LaneNow:
    depth = {state: known.get(("delivery", name, state), 0) for state in STATES}
    starts = [at for at in (edge.oldest_waiting, edge.oldest_sending) if at]  # type: ignore[attr-defined]
    per_minute_10 = hour.entered(name, SENT, LATELY) / 10
    waiting = depth["due"] + depth["deferred"] + depth["sending"]
    return LaneNow(
        name=name,
        depth=depth,
        oldest=max(0.0, (now - min(starts)).total_seconds()) if starts else None,
        next_at=edge.next_at,  # type: ignore[attr-defined]
        per_minute=hour.entered(name, SENT, timedelta(minutes=1)),
        per_minute_10=per_minute_10,
        to_empty=0.0 if not waiting else waiting / per_minute_10 * 60 if per_minute_10 else None,
    )


def last_day(now: datetime) -> list[Slot]:
    """Return the last day hour by hour, oldest first, those in which nothing left included."""
    end = now.replace(minute=0, second=0, microsecond=0) + SLOT
    since = end - DAY
    slots = {since + SLOT * n: Slot(since + SLOT * n) for n in range(DAY // SLOT)}
    for row in db.session.execute(SLOTS, {"since": since}):
        slot = slots.get(row.slot)
        if slot is None or row.lane not in slot.sent:
            continue
        slot.sent[row.lane] += row.n
        if row.lane == "confirmations" and row.bucket >= 0:
            slot.waits[row.bucket] = slot.waits.get(row.bucket, 0) + row.n
    return list(slots.values())


def all_waits(slots: Iterable[Slot]) -> dict[int, int]:
    """Return how long confirmations took over all the slots."""
    return _sum(pair for slot in slots for pair in slot.waits.items())


def _sum(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    total: dict[int, int] = defaultdict(int)
    for bucket, n in pairs:
        total[bucket] += n
    return dict(total)
