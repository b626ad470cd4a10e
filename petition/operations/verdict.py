"""Is mail flowing? One word, and the reasons for it, the worst first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from petition.core.i18n import N_, seconds_in_words
from petition.delivery.lanes import CONFIRMATIONS
from petition.delivery.models import DEFERRED, FAILED, SENT
from petition.operations.broker import Broker
from petition.operations.probe import MAIL_SERVER
from petition.operations.snapshot import Snapshot

OK: Final = "ok"
SLOW: Final = "slow"
STUCK: Final = "stuck"
STATES = (OK, SLOW, STUCK)  # in order of gravity: also the exit codes of `petition queue check`
RECENT = timedelta(minutes=5)
TO_HEAR = timedelta(seconds=1.2)  # by then a success would have come with a heartbeat


@dataclass(frozen=True)
class Reason:
    """One thing that is not as it should be, in words with values to fill in."""

    state: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def words(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence, translated."""
        return translate(self.text) % self.values


@dataclass(frozen=True)
class Verdict:
    """The state of the queue: the worst of its reasons, or ok without any."""

    state: str
    oldest: float | None  # seconds that the oldest confirmation waits
    reasons: list[Reason]

    @property
    def code(self) -> int:
        """0, 1 or 2, as monitoring plugins exit."""
        return STATES.index(self.state)


def judge(now: Snapshot, seen: Broker) -> Verdict:
    """Say whether mail flows, by the thresholds of the settings, and if not, why."""
    reasons = [reason for look in (_workers, _waiting, _server, _attempts) for reason in look(now)]
    reasons += _beat(now) + _broker(seen)
    reasons.sort(key=lambda reason: -STATES.index(reason.state))
    return Verdict(reasons[0].state if reasons else OK, now.lanes[CONFIRMATIONS.name].oldest, reasons)


def _workers(now: Snapshot) -> Iterator[Reason]:
    for queue in now.unserved:
        state = STUCK if queue == CONFIRMATIONS.name else SLOW
        yield Reason(state, N_("No worker takes the lane %(lane)s."), {"lane": queue})


def _waiting(now: Snapshot) -> Iterator[Reason]:
    for lane in now.lanes.values():
        hold = now.hold_on(lane.name)
        if hold:
            text = N_("The lane %(lane)s is paused: %(reason)s")
            yield Reason(SLOW, text, {"lane": lane.name, "reason": hold.reason})
        # A lane that somebody paused is late on purpose, and bulk mail takes its time.
        elif lane.oldest is not None and lane.name == CONFIRMATIONS.name and lane.oldest > now.slow_after:
            state = STUCK if lane.oldest > now.stuck_after else SLOW
            text = N_("The oldest confirmation has been waiting for %(age)s.")
            yield Reason(state, text, {"age": seconds_in_words(lane.oldest)})


def _server(now: Snapshot) -> Iterator[Reason]:
    hold = now.server_hold
    if hold and hold.until and hold.until > now.at - timedelta(minutes=1):
        state = STUCK if (now.at - hold.since).total_seconds() > now.stuck_after else SLOW
        yield Reason(state, N_("The mail server is left alone for a while: %(reason)s"), {"reason": hold.reason})
    probe = now.probes.get(MAIL_SERVER)
    if probe and not probe.ok and probe.at > now.at - RECENT:
        yield Reason(SLOW, N_("The mail server does not answer as it should: %(words)s"), {"words": probe.words})


def _attempts(now: Snapshot) -> Iterator[Reason]:
    """Look at what the last attempts came to, mailboxes that are full aside (X.2.X in RFC 3463)."""
    lane = CONFIRMATIONS.name
    sent = now.hour.entered(lane, SENT, RECENT)
    put_off = [
        group
        for group in now.groups
        if (group.lane, group.state) == (lane, DEFERRED)
        and group.last_at
        and group.last_at > now.at - RECENT
        and " 4.2." not in group.cause
    ]
    # The newest outcomes, or most of them: one provider that puts mail off among others that take it is no alarm.
    newest = [group for group in put_off if group.last_at and _since_success(now) > now.at - group.last_at > TO_HEAR]
    if newest or sum(group.n for group in put_off) > sent:
        text = N_("The last attempts were put off: %(n)s, for example “%(words)s”")
        words = put_off[0].sample or put_off[0].cause
        yield Reason(SLOW, text, {"n": sum(group.n for group in put_off), "words": words})
    failed = now.hour.entered(lane, FAILED, RECENT)
    if failed >= 3 and failed > sent:
        yield Reason(SLOW, N_("More emails failed than left in the last five minutes: %(n)s."), {"n": round(failed)})


def _since_success(now: Snapshot) -> timedelta:
    """Return how long ago the mail server last took an email, as far as the workers' heartbeats tell."""
    times = [worker.last_success_at for worker in now.workers if worker.last_success_at]
    return now.at - max(times) if times else timedelta.max


def _beat(now: Snapshot) -> list[Reason]:
    text = N_("Beat is silent: lost rings, retries and upkeep wait until it is back.")
    return [Reason(SLOW, text)] if now.beat_silent else []


def _broker(seen: Broker) -> list[Reason]:
    if seen.error:
        text = N_("The broker does not answer (%(error)s): signing works, emails wait.")
        return [Reason(STUCK, text, {"error": seen.error})]
    if seen.may_evict:
        text = N_("The broker may drop rings when its memory is full: set maxmemory-policy to noeviction.")
        return [Reason(SLOW, text)]
    return []
