"""Is mail flowing? One word, and the reasons for it, the worst first."""

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


STATUSES_BY_SEVERITY = tuple(
    member.value for member in HealthStatus
)  # in order of gravity: also the exit codes of `petition queue check`
RECENT_WINDOW = timedelta(minutes=5)
HEARTBEAT_DELAY = timedelta(seconds=1.2)  # by then a success would have come with a heartbeat


@dataclass(frozen=True)
class HealthReason:
    """One thing that is not as it should be, in words with values to fill in."""

    state: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def message(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence, translated."""
        return translate(self.text) % self.values


@dataclass(frozen=True)
class Health:
    """The state of the queue: the worst of its reasons, or ok without any."""

    state: str
    oldest: float | None  # seconds that the oldest confirmation waits
    reasons: list[HealthReason]

    @property
    def exit_code(self) -> int:
        """0, 1 or 2, as monitoring plugins exit."""
        return STATUSES_BY_SEVERITY.index(self.state)


def evaluate_health(now: Snapshot, seen: BrokerStats) -> Health:
    """Say whether mail flows, by the thresholds of the settings, and if not, why."""
    reasons = [
        reason for look in (_check_workers, _check_queues, _check_mail_server, _check_attempts) for reason in look(now)
    ]
    reasons += _check_beat(now) + _check_broker(seen)
    reasons.sort(key=lambda reason: -STATUSES_BY_SEVERITY.index(reason.state))
    return Health(reasons[0].state if reasons else HealthStatus.OK, now.queues[CONFIRMATIONS.name].oldest, reasons)


def _check_workers(now: Snapshot) -> Iterator[HealthReason]:
    for queue in now.unserved_queues:
        state = HealthStatus.STUCK if queue == CONFIRMATIONS.name else HealthStatus.SLOW
        yield HealthReason(state, N_("No worker takes the queue %(queue)s."), {"queue": queue})


def _check_queues(now: Snapshot) -> Iterator[HealthReason]:
    for queue in now.queues.values():
        hold = now.pause_for(queue.name)
        if hold:
            text = N_("The queue %(queue)s is paused: %(reason)s")
            yield HealthReason(HealthStatus.SLOW, text, {"queue": queue.name, "reason": hold.reason})
        # A queue that somebody paused is late on purpose, and bulk mail takes its time.
        elif queue.oldest is not None and queue.name == CONFIRMATIONS.name and queue.oldest > now.slow_after:
            state = HealthStatus.STUCK if queue.oldest > now.stuck_after else HealthStatus.SLOW
            text = N_("The oldest confirmation has been waiting for %(age)s.")
            yield HealthReason(state, text, {"age": format_duration(queue.oldest)})


def _check_mail_server(now: Snapshot) -> Iterator[HealthReason]:
    hold = now.server_backoff
    if hold and hold.until and hold.until > now.at - timedelta(minutes=1):
        state = HealthStatus.STUCK if (now.at - hold.since).total_seconds() > now.stuck_after else HealthStatus.SLOW
        yield HealthReason(state, N_("The mail server is left alone for a while: %(reason)s"), {"reason": hold.reason})
    probe = now.probes.get(MAIL_SERVER)
    if probe and not probe.ok and probe.at > now.at - RECENT_WINDOW:
        yield HealthReason(
            HealthStatus.SLOW, N_("The mail server does not answer as it should: %(words)s"), {"words": probe.response}
        )


def _check_attempts(now: Snapshot) -> Iterator[HealthReason]:
    """Look at what the last attempts came to, mailboxes that are full aside (X.2.X in RFC 3463)."""
    queue = CONFIRMATIONS.name
    sent = now.last_hour.count_entered(queue, DeliveryState.SENT, RECENT_WINDOW)
    put_off = [
        group
        for group in now.groups
        if (group.queue, group.state) == (queue, DeliveryState.DEFERRED)
        and group.last_at
        and group.last_at > now.at - RECENT_WINDOW
        and " 4.2." not in group.cause
    ]
    # The newest outcomes, or most of them: one provider that puts mail off among others that take it is no alarm.
    newest = [
        group
        for group in put_off
        if group.last_at and _time_since_success(now) > now.at - group.last_at > HEARTBEAT_DELAY
    ]
    if newest or sum(group.n for group in put_off) > sent:
        text = N_("The last attempts were put off: %(n)s, for example “%(words)s”")
        words = put_off[0].sample or put_off[0].cause
        yield HealthReason(HealthStatus.SLOW, text, {"n": sum(group.n for group in put_off), "words": words})
    failed = now.last_hour.count_entered(queue, DeliveryState.FAILED, RECENT_WINDOW)
    if failed >= 3 and failed > sent:
        yield HealthReason(
            HealthStatus.SLOW, N_("More emails failed than left in the last five minutes: %(n)s."), {"n": round(failed)}
        )


def _time_since_success(now: Snapshot) -> timedelta:
    """Return how long ago the mail server last took an email, as far as the workers' heartbeats tell."""
    times = [worker.last_success_at for worker in now.workers if worker.last_success_at]
    return now.at - max(times) if times else timedelta.max


def _check_beat(now: Snapshot) -> list[HealthReason]:
    text = N_("Beat is silent: lost rings, retries and maintenance wait until it is back.")
    return [HealthReason(HealthStatus.SLOW, text)] if now.beat_silent else []


def _check_broker(seen: BrokerStats) -> list[HealthReason]:
    if seen.error:
        text = N_("The broker does not answer (%(error)s): signing works, emails wait.")
        return [HealthReason(HealthStatus.STUCK, text, {"error": seen.error})]
    if seen.may_evict:
        text = N_("The broker may drop rings when its memory is full: set maxmemory-policy to noeviction.")
        return [HealthReason(HealthStatus.SLOW, text)]
    return []
