"""A snapshot of the mail queue, read once for the page, the commands and the metrics, so that they agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import func, select

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.delivery.bounces.models import BounceMailboxState
from petition.delivery.models import Pause
from petition.delivery.pacing.actions import ProviderPace, list_providers
from petition.delivery.queues import EVERYTHING, QUEUE_NAMES, SERVER
from petition.operations import failures
from petition.operations.health.facts import HealthFacts, make_parameters, parse_facts
from petition.operations.health.queries import HEALTH_FACTS
from petition.operations.models import Heartbeat, Probe, Trouble
from petition.operations.statistics import confirmation_funnel, queries, queue_stats
from petition.operations.statistics.webhook_queue import WebhookQueue, read_webhook_queue
from petition.operations.workers.heartbeat import EXPIRED_AFTER, SILENT_AFTER

# The statistics of a whole day and the funnel by domain are the slowest of the page, and need not be up to the second.
DAY_TTL_SECONDS, RECENT_TTL_SECONDS = 30.0, 5.0
THROTTLED_WINDOW = timedelta(minutes=1)
WARNING_MAX_AGE = timedelta(seconds=50)  # three times missed by the worker that looks: no longer known


@dataclass(frozen=True)
class Worker:
    """A worker process."""

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
    """The mail queue at one moment."""

    at: datetime
    facts: HealthFacts
    queues: dict[str, queue_stats.QueueStats]
    last_hour: queue_stats.LastHour
    pauses: dict[str, Pause]
    workers: list[Worker]
    seconds_since_beat: float | None  # None without a heartbeat within a minute
    probes: dict[str, Probe]
    groups: list[failures.FailureSummary]
    bounce_mailbox: BounceMailboxState | None  # None without one, or before its first poll
    providers: Sequence[ProviderPace]  # that are not mailed at full speed
    warnings: Sequence[Trouble]  # what does not keep mail from flowing, and should be looked at
    webhooks: WebhookQueue  # events for other programs

    def workers_for(self, queue: str) -> list[Worker]:
        """Return the workers that listen to this queue and are not silent."""
        return [worker for worker in self.workers if queue in worker.queues and not worker.silent]

    @property
    def unserved_queues(self) -> list[str]:
        """Queues that no worker listens to."""
        return _find_unserved_queues(self.workers)

    @property
    def beat_silent(self) -> bool:
        """Whether beat has missed several heartbeats."""
        return _is_silent(self.seconds_since_beat)

    def pause_for(self, queue: str) -> Pause | None:
        """Return the pause of this queue or of all queues, if there is one."""
        return self.pauses.get(queue) or self.pauses.get(EVERYTHING)

    def seconds_to_empty(self, queue: str) -> float | None:
        """Return how long a queue takes to empty at the rate of the last ten minutes; None while nothing moves.

        Nothing moves without a worker, during a pause or a back-off, or where no email left within a minute.
        """
        stats = self.queues[queue]
        if not stats.waiting:
            return 0.0
        is_stopped = not self.workers_for(queue) or self.pause_for(queue) or self.server_throttled
        if is_stopped or not stats.per_minute or not stats.per_minute_10:
            return None
        return stats.waiting / stats.per_minute_10 * 60

    @property
    def server_backoff(self) -> Pause | None:
        """The back-off from the mail server, if there is one; its next answer to an email deletes it."""
        pause = self.pauses.get(SERVER)
        return pause if pause and pause.strikes else None  # without strikes it is only suspected

    @property
    def server_throttled(self) -> bool:
        """Whether sending backs off from the mail server, or did within the last minute.

        Between two tries the back-off is over while the server is not well yet.
        """
        backoff = self.server_backoff
        return bool(backoff and backoff.until and backoff.until > self.at - THROTTLED_WINDOW)


def read_facts() -> HealthFacts:
    """Read what health depends on, by the thresholds of the settings."""
    slow_after = current_app.config["PETITION_SLOW_AFTER"]
    stuck_after = current_app.config["PETITION_STUCK_AFTER"]
    result = db.session.connection().exec_driver_sql(HEALTH_FACTS, make_parameters(stuck_after))
    return parse_facts(dict(result.mappings().one()), slow_after, stuck_after)


def list_warnings(now: datetime) -> Sequence[Trouble]:
    """Return the warnings that were seen lately, the oldest first."""
    is_current = (Trouble.severity == "warning") & (Trouble.seen_at > now - WARNING_MAX_AGE)
    return db.session.scalars(select(Trouble).where(is_current).order_by(Trouble.since, Trouble.name)).all()


def take_snapshot() -> Snapshot:
    """Read the mail queue from the database, in a few statements of which none counts deliveries."""
    now: datetime = db.session.scalar(select(func.now()))  # type: ignore[assignment]
    hour = queue_stats.read_last_hour(now)
    workers, seconds_since_beat = _read_heartbeats(now)
    facts = read_facts()
    return Snapshot(
        at=now,
        facts=facts,
        queues={queue.name: queue for queue in queue_stats.read_queue_stats(now, hour, facts)},
        last_hour=hour,
        pauses={pause.scope: pause for pause in db.session.scalars(select(Pause))},
        workers=workers,
        seconds_since_beat=seconds_since_beat,
        probes={probe.name: probe for probe in db.session.scalars(select(Probe))},
        groups=failures.list_groups(),
        bounce_mailbox=db.session.scalar(select(BounceMailboxState)),
        providers=list_providers(),
        warnings=list_warnings(now),
        webhooks=read_webhook_queue(now),
    )


@dataclass(frozen=True)
class DayStats:
    """Statistics of the day before `at`, by hour and by recipient domain."""

    at: datetime
    hours: Sequence[queue_stats.HourStats]
    domains: Sequence[confirmation_funnel.DomainFunnel]

    @property
    def since(self) -> datetime:
        """The beginning of the funnel."""
        return self.at - queue_stats.DAY


def get_last_day(now: datetime) -> DayStats:
    """Return the statistics of the last day, cached for `DAY_TTL_SECONDS`."""
    return get_or_create(
        "operations.day",
        lambda: DayStats(now, queue_stats.read_last_day(now), confirmation_funnel.read_funnel(now - queue_stats.DAY)),
        DAY_TTL_SECONDS,
    )


def get_recent_funnel(now: datetime) -> tuple[datetime, list[confirmation_funnel.DomainFunnel]]:
    """Return the start and the funnel of this hour and the one before, cached for `RECENT_TTL_SECONDS`."""

    def read() -> tuple[datetime, list[confirmation_funnel.DomainFunnel]]:
        since = confirmation_funnel.start_of_previous_hour(now)
        return since, confirmation_funnel.read_funnel(since)

    found: tuple[datetime, list[confirmation_funnel.DomainFunnel]] = get_or_create(
        "operations.recent", read, RECENT_TTL_SECONDS
    )
    return found


def check_heartbeats() -> tuple[list[str], bool]:
    """Return the queues that no worker listens to, and whether beat is silent."""
    workers, seconds_since_beat = _read_heartbeats(db.session.execute(select(func.now())).scalar_one())
    return _find_unserved_queues(workers), _is_silent(seconds_since_beat)


def _find_unserved_queues(workers: Sequence[Worker]) -> list[str]:
    served = {queue for worker in workers if not worker.silent for queue in worker.queues}
    return [queue for queue in QUEUE_NAMES if queue not in served]


def _is_silent(seconds_since_heartbeat: float | None) -> bool:
    return seconds_since_heartbeat is None or seconds_since_heartbeat > SILENT_AFTER.total_seconds()


def _read_heartbeats(now: datetime) -> tuple[list[Worker], float | None]:
    recent = select(Heartbeat).where(Heartbeat.seen_at > now - EXPIRED_AFTER).order_by(Heartbeat.name)
    ages = [(row, max(0.0, (now - row.seen_at).total_seconds())) for row in db.session.scalars(recent)]
    in_flight: dict[str, int] = {}
    for claimed_by, n in db.session.execute(queries.COUNT_IN_FLIGHT):
        process = str(claimed_by).rpartition("/")[0]  # without the thread
        in_flight[process] = in_flight.get(process, 0) + n
    workers = [
        Worker(
            name=row.name,
            host=row.host,
            pid=row.pid,
            queues=row.queues,
            version=row.version,
            threads=row.threads,
            in_flight=in_flight.get(f"{row.host}/{row.pid}", 0),
            last_success_at=row.last_success_at,
            seconds_since_seen=age,
        )
        for row, age in ages
        if row.part == "worker"
    ]
    return workers, min((age for row, age in ages if row.part == "beat"), default=None)
