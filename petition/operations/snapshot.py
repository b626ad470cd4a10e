"""Everything the operators' view shows, read once: the page, the commands and the metrics all tell the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select

from petition.core.db import db
from petition.core.shelf import kept
from petition.delivery.lanes import EVERYTHING, QUEUES, SERVER
from petition.delivery.models import SENDING, Delivery, Hold
from petition.operations import failures, flow, funnel
from petition.operations.heartbeat import GONE_AFTER, SILENT_AFTER
from petition.operations.models import Heartbeat, Probe

# Seconds: the figures of a whole day need not be of this moment, nor who confirmed by domain within an hour. They are
# the dearest of the page.
DAY_LASTS, RECENT_LASTS = 30.0, 5.0
IN_FLIGHT = select(Delivery.claimed_by, func.count()).where(Delivery.state == SENDING).group_by(Delivery.claimed_by)


@dataclass(frozen=True)
class Worker:
    """A worker process. Ages in seconds."""

    name: str
    host: str
    pid: int
    lanes: Sequence[str]
    version: str
    threads: int
    in_flight: int
    last_success_at: datetime | None
    seen: float

    @property
    def silent(self) -> bool:
        """Whether it has missed several heartbeats."""
        return self.seen > SILENT_AFTER.total_seconds()


@dataclass(frozen=True)
class Snapshot:
    """One moment of the queue."""

    at: datetime
    slow_after: float  # seconds, from the settings
    stuck_after: float
    lanes: dict[str, flow.LaneNow]
    hour: flow.LastHour
    holds: dict[str, Hold]
    workers: list[Worker]
    beat_seen: float | None  # seconds; None when not seen for a minute
    probes: dict[str, Probe]
    groups: list[failures.Group]

    def serving(self, queue: str) -> list[Worker]:
        """Return the workers that take this queue's rings and have been heard of just now."""
        return [worker for worker in self.workers if queue in worker.lanes and not worker.silent]

    @property
    def unserved(self) -> list[str]:
        """Queues that no worker takes."""
        return _unserved(self.workers)

    @property
    def beat_silent(self) -> bool:
        """Whether beat has missed several ticks."""
        return _silent(self.beat_seen)

    def hold_on(self, lane: str) -> Hold | None:
        """Return what a person paused this lane by, if one did."""
        return self.holds.get(lane) or self.holds.get(EVERYTHING)

    @property
    def server_hold(self) -> Hold | None:
        """What the mail server is left alone for, if it is or was until just now."""
        return self.holds.get(SERVER)


def take() -> Snapshot:
    """Read one moment of the queue, from the database alone: a few statements, none of which counts rows."""
    now: datetime = db.session.scalar(select(func.now()))  # type: ignore[assignment]
    hour = flow.last_hour(now)
    workers, beat_seen = _crew(now)
    return Snapshot(
        at=now,
        slow_after=current_app.config["PETITION_SLOW_AFTER"],
        stuck_after=current_app.config["PETITION_STUCK_AFTER"],
        lanes={lane.name: lane for lane in flow.lanes_now(now, hour)},
        hour=hour,
        holds={hold.scope: hold for hold in db.session.scalars(select(Hold))},
        workers=workers,
        beat_seen=beat_seen,
        probes={probe.name: probe for probe in db.session.scalars(select(Probe))},
        groups=failures.groups(),
    )


@dataclass(frozen=True)
class Day:
    """What a day until `at` came to, hour by hour and domain by domain."""

    at: datetime
    slots: Sequence[flow.Slot]
    domains: Sequence[funnel.Domain]

    @property
    def since(self) -> datetime:
        """When the funnel of the day began."""
        return self.at - flow.DAY


def last_day(now: datetime) -> Day:
    """Return the last day as it was at most DAY_LASTS ago, read once for everybody who looks."""
    return kept("operations.day", lambda: Day(now, flow.last_day(now), funnel.funnel(now - flow.DAY)), DAY_LASTS)


def recent_funnel(now: datetime) -> tuple[datetime, list[funnel.Domain]]:
    """Return the funnel of this hour and the one before, as it was at most RECENT_LASTS ago, and when it began."""

    def made() -> tuple[datetime, list[funnel.Domain]]:
        since = funnel.last_hour(now)
        return since, funnel.funnel(since)

    found: tuple[datetime, list[funnel.Domain]] = kept("operations.recent", made, RECENT_LASTS)
    return found


def alive() -> tuple[list[str], bool]:
    """Return the queues that no worker takes, and whether beat is silent: the heartbeats alone."""
    workers, beat_seen = _crew(db.session.execute(select(func.now())).scalar_one())
    return _unserved(workers), _silent(beat_seen)


def _unserved(workers: Sequence[Worker]) -> list[str]:
    served = {lane for worker in workers if not worker.silent for lane in worker.lanes}
    return [queue for queue in QUEUES if queue not in served]


def _silent(seen: float | None) -> bool:
    return seen is None or seen > SILENT_AFTER.total_seconds()


def _crew(now: datetime) -> tuple[list[Worker], float | None]:
    recent = select(Heartbeat).where(Heartbeat.seen_at > now - GONE_AFTER).order_by(Heartbeat.name)
    hearts = [(heart, max(0.0, (now - heart.seen_at).total_seconds())) for heart in db.session.scalars(recent)]
    in_flight: dict[str, int] = {}
    for claimed_by, n in db.session.execute(IN_FLIGHT):
        process = str(claimed_by).rpartition("/")[0]
        in_flight[process] = in_flight.get(process, 0) + n
    workers = [
        Worker(
            h.name, h.host, h.pid, h.lanes, h.version, h.threads, in_flight.get(f"{h.host}/{h.pid}", 0),
            h.last_success_at, age,
        )
        for h, age in hearts if h.part == "worker"
    ]  # fmt: skip
    return workers, min((age for heart, age in hearts if heart.part == "beat"), default=None)
