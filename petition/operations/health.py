"""Evaluate whether mail flows: one status, and the reasons for it, worst first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from petition.core.i18n import N_, format_duration
from petition.delivery.models import DeliveryState
from petition.delivery.queues import CONFIRMATIONS
from petition.operations.broker_stats import BrokerStats
from petition.operations.smtp_probe import MAIL_SERVER
from petition.operations.snapshot import Snapshot


class HealthStatus(StrEnum):
    """Whether mail flows."""

    OK = "ok"
    SLOW = "slow"
    STUCK = "stuck"


STATUSES_BY_SEVERITY = tuple(HealthStatus)  # the index is the exit code of `petition queue check`
RECENT_WINDOW = timedelta(minutes=5)
HEARTBEAT_DELAY = timedelta(seconds=1.2)  # after this, a worker's heartbeat has reported a success
MIN_FAILED_EMAILS = 3  # fewer failures in `RECENT_WINDOW` are not reported


@dataclass(frozen=True)
class HealthReason:
    """One problem: its severity, and a message with parameters."""

    status: HealthStatus
    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def message(self, translate: Callable[[str], str] = str) -> str:
        """Return the message, translated."""
        return translate(self.text) % self.values


@dataclass(frozen=True)
class Health:
    """The status of mail delivery: that of the worst reason, `ok` without reasons."""

    status: HealthStatus
    oldest: float | None  # seconds that the oldest confirmation has been waiting
    reasons: list[HealthReason]

    @property
    def exit_code(self) -> int:
        """0, 1 or 2: the exit code of a monitoring plugin."""
        return STATUSES_BY_SEVERITY.index(self.status)


def evaluate_health(snapshot: Snapshot, broker: BrokerStats) -> Health:
    """Return whether mail flows, by the thresholds of the settings, and every reason why not."""
    checks = (_check_workers, _check_queues, _check_mail_server, _check_attempts, _check_beat)
    reasons = [reason for check in checks for reason in check(snapshot)]
    reasons += _check_broker(broker)
    reasons.sort(key=lambda reason: -STATUSES_BY_SEVERITY.index(reason.status))
    status = reasons[0].status if reasons else HealthStatus.OK
    return Health(status, snapshot.queues[CONFIRMATIONS.name].oldest, reasons)


def _check_workers(snapshot: Snapshot) -> Iterator[HealthReason]:
    for queue in snapshot.unserved_queues:
        status = HealthStatus.STUCK if queue == CONFIRMATIONS.name else HealthStatus.SLOW
        yield HealthReason(status, N_("No worker takes the queue %(queue)s."), {"queue": queue})


def _check_queues(snapshot: Snapshot) -> Iterator[HealthReason]:
    for queue in snapshot.queues.values():
        pause = snapshot.pause_for(queue.name)
        if pause:
            text = N_("The queue %(queue)s is paused: %(reason)s")
            yield HealthReason(HealthStatus.SLOW, text, {"queue": queue.name, "reason": pause.reason})
        # A paused queue is late on purpose, and bulk mail may take its time.
        elif queue.oldest is not None and queue.name == CONFIRMATIONS.name and queue.oldest > snapshot.slow_after:
            status = HealthStatus.STUCK if queue.oldest > snapshot.stuck_after else HealthStatus.SLOW
            text = N_("The oldest confirmation has been waiting for %(age)s.")
            yield HealthReason(status, text, {"age": format_duration(queue.oldest)})


def _check_mail_server(snapshot: Snapshot) -> Iterator[HealthReason]:
    backoff = snapshot.server_backoff
    if backoff and snapshot.server_throttled:
        long_ago = (snapshot.at - backoff.since).total_seconds() > snapshot.stuck_after
        text = N_("Sending is paused for up to a minute because of the mail server: %(reason)s")
        yield HealthReason(HealthStatus.STUCK if long_ago else HealthStatus.SLOW, text, {"reason": backoff.reason})
    probe = snapshot.probes.get(MAIL_SERVER)
    if probe and not probe.ok and probe.at > snapshot.at - RECENT_WINDOW:
        text = N_("The mail server does not work as expected: %(response)s")
        yield HealthReason(HealthStatus.SLOW, text, {"response": probe.response})


def _check_attempts(snapshot: Snapshot) -> Iterator[HealthReason]:
    """Check the outcome of the last attempts, without full mailboxes (enhanced status code X.2.X, RFC 3463)."""
    queue = CONFIRMATIONS.name
    sent = snapshot.last_hour.count_entered(queue, DeliveryState.SENT, RECENT_WINDOW)
    deferred = [
        group
        for group in snapshot.groups
        if (group.queue, group.state) == (queue, DeliveryState.DEFERRED)
        and group.last_at
        and group.last_at > snapshot.at - RECENT_WINDOW
        and " 4.2." not in group.cause
    ]
    # Reported when the newest or most outcomes are deferrals: one provider that defers among others that accept is no
    # reason for an alarm.
    since_success = _time_since_success(snapshot)
    newest = [
        group for group in deferred if group.last_at and since_success > snapshot.at - group.last_at > HEARTBEAT_DELAY
    ]
    n = sum(group.n for group in deferred)
    if newest or n > sent:
        text = N_("The last attempts failed and will be retried: %(n)s emails, for example “%(response)s”")
        response = deferred[0].sample or deferred[0].cause
        yield HealthReason(HealthStatus.SLOW, text, {"n": n, "response": response})
    failed = snapshot.last_hour.count_entered(queue, DeliveryState.FAILED, RECENT_WINDOW)
    if failed >= MIN_FAILED_EMAILS and failed > sent:
        text = N_("More emails failed than were sent in the last five minutes: %(n)s.")
        yield HealthReason(HealthStatus.SLOW, text, {"n": round(failed)})


def _time_since_success(snapshot: Snapshot) -> timedelta:
    """Return how long ago the mail server last accepted an email, by the workers' heartbeats."""
    times = [worker.last_success_at for worker in snapshot.workers if worker.last_success_at]
    return snapshot.at - max(times) if times else timedelta.max


def _check_beat(snapshot: Snapshot) -> Iterator[HealthReason]:
    if snapshot.beat_silent:
        text = N_("Beat is silent: retries, lost wake-ups and maintenance wait until it runs again.")
        yield HealthReason(HealthStatus.SLOW, text)


def _check_broker(broker: BrokerStats) -> Iterator[HealthReason]:
    if broker.error:
        text = N_("The broker does not answer (%(error)s): signing works, emails wait.")
        yield HealthReason(HealthStatus.STUCK, text, {"error": broker.error})
    elif broker.may_evict:
        text = N_("The broker may drop messages when its memory is full: set maxmemory-policy to noeviction.")
        yield HealthReason(HealthStatus.SLOW, text)
