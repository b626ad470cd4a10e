"""Everything the operators' view shows, read once: the page, the commands and the metrics all tell the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState, Pause
from petition.delivery.queues import EVERYTHING, QUEUE_NAMES, SERVER
from petition.operations import confirmation_funnel, failures, queue_stats
from petition.operations.heartbeat import EXPIRED_AFTER, SILENT_AFTER
from petition.operations.models import Heartbeat, Probe

# Seconds: the figures of a whole day need not be of this moment, nor who confirmed by domain within an hour. They are
# the dearest of the page.
DAY_TTL_SECONDS, RECENT_TTL_SECONDS = 30.0, 5.0
COUNT_IN_FLIGHT = (
    select(Delivery.claimed_by, func.count())
    .where(Delivery.state == DeliveryState.SENDING)
    .group_by(Delivery.claimed_by)
)


@dataclass(frozen=True)
class Worker:
    """A worker process. Ages in seconds."""

    name: str
    host: str
    pid: int
    queues: Sequence[str]
    version: str
    threads: int
    in_flight: int
    last_success_at: datetime | None
    seconds_since_seen: float

    @property
    def silent(self) -> bool:
        """Whether it has missed several heartbeats."""
        return self.seconds_since_seen > SILENT_AFTER.total_seconds()


@dataclass(frozen=True)
class Snapshot:
    """One moment of the queue."""

    at: datetime
    slow_after: float  # seconds, from the settings
    stuck_after: float
    queues: dict[str, queue_stats.QueueStats]
    last_hour: queue_stats.LastHour
    pauses: dict[str, Pause]
    workers: list[Worker]
    seconds_since_beat: float | None  # seconds; None when not seen for a minute
    probes: dict[str, Probe]
    groups: list[failures.FailureSummary]

    def workers_for(self, queue: str) -> list[Worker]:
        """Return the workers that take this queue's rings and have been heard of just now."""
        return [worker for worker in self.workers if queue in worker.queues and not worker.silent]

    @property
    def unserved_queues(self) -> list[str]:
        """Queues that no worker takes."""
        return _find_unserved_queues(self.workers)

    @property
    def beat_silent(self) -> bool:
        """Whether beat has missed several ticks."""
        return _is_silent(self.seconds_since_beat)

    def pause_for(self, queue: str) -> Pause | None:
        """Return what a person paused this queue by, if one did."""
        return self.pauses.get(queue) or self.pauses.get(EVERYTHING)

    @property
    def server_backoff(self) -> Pause | None:
        """What the mail server is left alone for, if it is or was until just now."""
        return self.pauses.get(SERVER)


def take_snapshot() -> Snapshot:
    """Read one moment of the queue, from the database alone: a few statements, none of which counts rows."""
    now: datetime = db.session.scalar(select(func.now()))  # type: ignore[assignment]
    hour = queue_stats.read_last_hour(now)
    workers, beat_seen = _read_heartbeats(now)
    return Snapshot(
        at=now,
        slow_after=current_app.config["PETITION_SLOW_AFTER"],
        stuck_after=current_app.config["PETITION_STUCK_AFTER"],
        queues={queue.name: queue for queue in queue_stats.read_queue_stats(now, hour)},
        last_hour=hour,
        pauses={hold.scope: hold for hold in db.session.scalars(select(Pause))},
        workers=workers,
        seconds_since_beat=beat_seen,
        probes={probe.name: probe for probe in db.session.scalars(select(Probe))},
        groups=failures.list_groups(),
    )


@dataclass(frozen=True)
class DayStats:
    """What a day until `at` came to, hour by hour and domain by domain."""

    at: datetime
    hours: Sequence[queue_stats.HourStats]
    domains: Sequence[confirmation_funnel.DomainFunnel]

    @property
    def since(self) -> datetime:
        """When the funnel of the day began."""
        return self.at - queue_stats.DAY


def get_last_day(now: datetime) -> DayStats:
    """Return the last day as it was at most DAY_LASTS ago, read once for everybody who looks."""
    return get_or_create(
        "operations.day",
        lambda: DayStats(now, queue_stats.read_last_day(now), confirmation_funnel.read_funnel(now - queue_stats.DAY)),
        DAY_TTL_SECONDS,
    )


def get_recent_funnel(now: datetime) -> tuple[datetime, list[confirmation_funnel.DomainFunnel]]:
    """Return the funnel of this hour and the one before, as it was at most RECENT_LASTS ago, and when it began."""

    def made() -> tuple[datetime, list[confirmation_funnel.DomainFunnel]]:
        since = confirmation_funnel.start_of_previous_hour(now)
        return since, confirmation_funnel.read_funnel(since)

    found: tuple[datetime, list[confirmation_funnel.DomainFunnel]] = get_or_create(
        "operations.recent", made, RECENT_TTL_SECONDS
    )
    return found


def check_heartbeats() -> tuple[list[str], bool]:
    """Return the queues that no worker takes, and whether beat is silent: the heartbeats alone."""
    workers, beat_seen = _read_heartbeats(db.session.execute(select(func.now())).scalar_one())
    return _find_unserved_queues(workers), _is_silent(beat_seen)


def _find_unserved_queues(workers: Sequence[Worker]) -> list[str]:
    served = {queue for worker in workers if not worker.silent for queue in worker.queues}
    return [queue for queue in QUEUE_NAMES if queue not in served]


def _is_silent(seen: float | None) -> bool:
    return seen is None or seen > SILENT_AFTER.total_seconds()


def _read_heartbeats(now: datetime) -> tuple[list[Worker], float | None]:
    recent = select(Heartbeat).where(Heartbeat.seen_at > now - EXPIRED_AFTER).order_by(Heartbeat.name)
    hearts = [(heart, max(0.0, (now - heart.seen_at).total_seconds())) for heart in db.session.scalars(recent)]
    in_flight: dict[str, int] = {}
    for claimed_by, n in db.session.execute(COUNT_IN_FLIGHT):
        process = str(claimed_by).rpartition("/")[0]
        in_flight[process] = in_flight.get(process, 0) + n
    workers = [
        Worker(
            h.name, h.host, h.pid, h.queues, h.version, h.threads, in_flight.get(f"{h.host}/{h.pid}", 0),
            h.last_success_at, age,
        )
        for h, age in hearts if h.part == "worker"
    ]  # fmt: skip
    return workers, min((age for heart, age in hearts if heart.part == "beat"), default=None)
