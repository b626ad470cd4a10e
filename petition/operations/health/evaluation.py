"""Evaluate whether mail flows, by what people feel: one status, and the reasons for it, causes first.

The rules and their reasons are in docs/decisions/0038. Imports neither the application nor SQLAlchemy, so that
`petition queue check` is quick.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from petition.core.durations import format_value
from petition.core.text import N_
from petition.delivery.queues import CONFIRMATIONS, EMAIL_QUEUES, EVERYTHING
from petition.operations.actions.provider_remedies import get_remedy
from petition.operations.health.facts import MAX_LATE, HealthFacts

if TYPE_CHECKING:
    from petition.operations.statistics.broker_stats import BrokerStats

PROBE_MAX_AGE_SECONDS = 300.0
NO_SUCCESS_SECONDS = 5.0  # without a success while emails are tried: from then on it is reported
SILENT_SERVER_SECONDS = 5.0  # without any outcome while emails are being sent
# The trouble is over: so many accepted in a row, or so many in the short window and none refused.
MIN_ACCEPTED_IN_A_ROW, MIN_ACCEPTED_SHORT = 20, 3
BOUNCES_UNREAD_SECONDS = 900.0  # how long the bounce mailbox may be out of reach: a server that restarts is no news
MAX_PROVIDERS = 3  # that are named
MIN_REFUSED = 3  # fewer rejections, among others that were accepted, are not reported


class HealthStatus(StrEnum):
    """Whether mail flows."""

    OK = "ok"
    SLOW = "slow"
    STUCK = "stuck"


STATUSES_BY_SEVERITY = tuple(HealthStatus)  # the index is the exit code of `petition queue check`
PLUGIN_STATUSES = ("OK", "WARNING", "CRITICAL")  # by exit code, as monitoring plugins print them


@dataclass(frozen=True)
class HealthReason:
    """One problem: its severity, a message with parameters, and its section in docs/operations.md."""

    status: HealthStatus
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    runbook: str = ""
    planned: bool = False  # an operator's own doing, which is shown and raises no alarm
    remedy: str = ""  # what to do, a second sentence

    def message(self, translate: Callable[[str], str] = str, language: str = "en") -> str:
        """Return the message, translated."""
        message = translate(self.text) % {name: format_value(value, language) for name, value in self.values.items()}
        return f"{message} {translate(self.remedy)}" if self.remedy else message


@dataclass(frozen=True)
class Health:
    """The status of mail delivery: that of the worst reason, `ok` without reasons."""

    status: HealthStatus
    at: datetime
    waiting: int  # people who have no link yet
    oldest: float | None  # seconds that the first of them has been waiting, since signing
    reasons: list[HealthReason]

    @property
    def exit_code(self) -> int:
        """0, 1 or 2: the exit code of a monitoring plugin."""
        return STATUSES_BY_SEVERITY.index(self.status)

    @property
    def alarm_code(self) -> int:
        """The same without what an operator planned: a paused queue."""
        return max((STATUSES_BY_SEVERITY.index(each.status) for each in self.reasons if not each.planned), default=0)


def format_check(health: Health, facts: HealthFacts) -> str:
    """Return one line as monitoring plugins print it, with performance data: "oldest" warns and is critical beyond."""
    # What a server or an operator said may end without a full stop.
    messages = [f"{message.rstrip('.')}." for message in (each.message() for each in health.reasons)]
    message = " ".join(messages).replace("|", "/") or "mail flows."
    oldest = f"oldest={health.oldest or 0:.1f}s;{facts.slow_after:g};{facts.stuck_after:g}"
    line = f"PETITION {PLUGIN_STATUSES[health.exit_code]} - {message} | {oldest} waiting={health.waiting}"
    return " ".join(line.split())


def health_to_json(health: Health) -> dict[str, Any]:
    """Return the health status and its reasons as plain data."""
    reasons = [
        {"status": reason.status, "message": reason.message(), "runbook": reason.runbook} for reason in health.reasons
    ]
    return {
        "status": health.status,
        "oldest_confirmation": health.oldest,
        "waiting": health.waiting,
        "reasons": reasons,
    }


def evaluate_health(facts: HealthFacts, broker: "BrokerStats") -> Health:
    """Return whether mail flows, by the thresholds of the settings, and every reason why not: causes first."""
    reasons = [
        *_check_broker(broker),
        *_check_workers(facts),
        *_check_pauses(facts),
        *_check_mail_server(facts),
        *_check_composition(facts),
        *_check_providers(facts),
        *_check_beat(facts),
        *_check_waiting(facts),
        *_check_bounce_mailbox(facts),
    ]
    worst = max((STATUSES_BY_SEVERITY.index(reason.status) for reason in reasons), default=0)
    return Health(STATUSES_BY_SEVERITY[worst], facts.at, facts.waiting, facts.oldest, reasons)


def _check_broker(broker: "BrokerStats") -> Iterator[HealthReason]:
    if broker.error:
        text = N_("The broker does not answer (%(error)s): signing works, emails wait.")
        yield HealthReason(HealthStatus.STUCK, text, {"error": broker.error}, "BrokerDown")
    elif broker.may_evict:
        text = N_("The broker may drop messages when its memory is full: set maxmemory-policy to noeviction.")
        yield HealthReason(HealthStatus.SLOW, text, runbook="BrokerEvictionPolicy")


def _check_workers(facts: HealthFacts) -> Iterator[HealthReason]:
    queues = facts.unserved_queues
    if not queues:
        return
    status = HealthStatus.STUCK if CONFIRMATIONS.name in queues else HealthStatus.SLOW
    text = N_("No worker takes the queue %(queue)s.")
    if len(queues) > 1:
        text = N_("No worker takes the queues %(queue)s.")
    yield HealthReason(status, text, {"queue": ", ".join(queues)}, "QueueWithoutWorker")


def _check_pauses(facts: HealthFacts) -> Iterator[HealthReason]:
    for queue in (EVERYTHING, *EMAIL_QUEUES):
        if pause := facts.pauses.get(queue):
            text = N_("The queue %(queue)s is paused: %(reason)s")
            if queue == EVERYTHING:
                text = N_("All queues are paused: %(reason)s")
            values = {"queue": queue, "reason": pause.reason}
            yield HealthReason(HealthStatus.SLOW, text, values, "QueuePausedTooLong", planned=True)


def _check_mail_server(facts: HealthFacts) -> Iterator[HealthReason]:
    """Report the trouble of the mail server once: its back-off, its silence, or what it answers; and of each relay."""
    for relay in facts.relays_backing_off:
        text = N_("A relay does not work, others take over: %(reason)s")
        yield HealthReason(HealthStatus.SLOW, text, {"reason": relay.reason}, "MailServerFailing")
    if facts.backoff:
        status = HealthStatus.STUCK if facts.backoff.seconds > facts.stuck_after else HealthStatus.SLOW
        text = N_("Sending is paused for up to a minute because of the mail server: %(reason)s")
        yield HealthReason(status, text, {"reason": facts.backoff.reason}, "MailServerFailing")
        return
    if not facts.pause_for(CONFIRMATIONS.name):
        reason = _describe_silence(facts) or _describe_rejections(facts)
        if reason:
            yield reason
            return
    if facts.probe and not facts.probe.ok and facts.probe.seconds < PROBE_MAX_AGE_SECONDS:
        text = N_("The mail server does not work as expected: %(response)s")
        yield HealthReason(HealthStatus.SLOW, text, {"response": facts.probe.response}, "MailServerFailing")


def _check_providers(facts: HealthFacts) -> Iterator[HealthReason]:
    """Report the providers that refuse us, with their responses and what to do; others are mailed as ever."""
    text = N_("%(provider)s refuses our emails: “%(response)s” Emails that wait for it: %(n)s.")
    for provider in facts.providers[:MAX_PROVIDERS]:
        values = {"provider": provider.name, "response": provider.response, "n": provider.waiting}
        remedy = get_remedy(provider.reply_class)
        yield HealthReason(HealthStatus.SLOW, text, values, "ProviderRefuses", remedy=remedy)


def _describe_silence(facts: HealthFacts) -> HealthReason | None:
    """Report emails that are being sent while no attempt ends: all connections wait for the mail server."""
    last_try = facts.seconds_since(facts.tries.last_try_at)
    is_silent = last_try is None or last_try > SILENT_SERVER_SECONDS
    if not (facts.sending and facts.workers[CONFIRMATIONS.name] and is_silent):
        return None
    if (facts.oldest_untried or 0.0) <= SILENT_SERVER_SECONDS:
        return None
    text = N_("All %(threads)s connections wait for the mail server. Emails that wait with them: %(n)s.")
    return HealthReason(HealthStatus.SLOW, text, {"threads": facts.threads, "n": facts.sending}, "MailServerFailing")


def _describe_rejections(facts: HealthFacts) -> HealthReason | None:
    """Report that nothing is accepted, or less than is refused, by the attempts of the last seconds.

    Both windows must be well before it is over, so that the status does not flap; or nothing is refused any more.
    """
    tries, runbook = facts.tries, "EmailDeferralRateHigh"
    since_success = facts.seconds_since(tries.last_success_at)
    without_success = since_success is None or since_success > NO_SUCCESS_SECONDS
    if without_success and (tries.refused_by_server_since or tries.refused_since >= MIN_REFUSED):
        values: dict[str, Any] = {"n": tries.refused_since, "response": tries.response}
        if since_success is None:
            text = N_("The mail server accepts nothing. Failed attempts: %(n)s, for example “%(response)s”")
            return HealthReason(HealthStatus.SLOW, text, values, runbook)
        text = N_(
            "The mail server has accepted nothing for %(time)s. Failed attempts: %(n)s, for example “%(response)s”"
        )
        return HealthReason(HealthStatus.SLOW, text, values | {"time": timedelta(seconds=since_success)}, runbook)
    is_over = not tries.refused_short and tries.accepted_short >= MIN_ACCEPTED_SHORT
    if is_over or tries.accepted_in_a_row >= MIN_ACCEPTED_IN_A_ROW:
        return None
    for refused, accepted in (
        (tries.refused_short, tries.accepted_short),
        (tries.refused_long, tries.accepted_long),
    ):
        if refused >= MIN_REFUSED and refused > accepted:
            text = N_("More attempts fail than are accepted: %(n)s of the last %(total)s, for example “%(response)s”")
            values = {"n": refused, "total": refused + accepted, "response": tries.response}
            return HealthReason(HealthStatus.SLOW, text, values, runbook)
    return None


def _check_composition(facts: HealthFacts) -> Iterator[HealthReason]:
    if facts.not_composed:
        text = N_("Emails that cannot be composed: %(n)s. They wait, and the log of their worker says why.")
        yield HealthReason(HealthStatus.SLOW, text, {"n": facts.not_composed}, "EmailNotComposed")


def _check_beat(facts: HealthFacts) -> Iterator[HealthReason]:
    if facts.beat_silent:
        text = N_("Beat is silent: retries, lost wake-ups and maintenance wait until it runs again.")
        yield HealthReason(HealthStatus.SLOW, text, runbook="BeatDown")


def _check_bounce_mailbox(facts: HealthFacts) -> Iterator[HealthReason]:
    unread = facts.bounce_mailbox
    if unread and unread.seconds > BOUNCES_UNREAD_SECONDS:
        text = N_("Bounces have not been read for %(time)s, and dead addresses are mailed again: %(response)s")
        values = {"time": timedelta(seconds=unread.seconds), "response": unread.response}
        yield HealthReason(HealthStatus.SLOW, text, values, "BounceMailboxUnreadable")


def _check_waiting(facts: HealthFacts) -> Iterator[HealthReason]:
    """Report how long people have been waiting for their link, put off or not; while paused they wait on purpose."""
    if facts.pause_for(CONFIRMATIONS.name):
        return
    oldest, untried = facts.oldest_ours or 0.0, facts.oldest_untried or 0.0
    values = {"age": timedelta(seconds=max(oldest, untried)), "n": facts.waiting}
    if oldest > facts.stuck_after:
        text = N_("People who wait for their link: %(n)s, the first of them for %(age)s.")
        yield HealthReason(_rate_late(facts), text, values, "ConfirmationsDelayed")
    elif untried > facts.slow_after:
        text = N_("The oldest confirmation has been waiting for %(age)s.")
        yield HealthReason(HealthStatus.SLOW, text, {"age": timedelta(seconds=untried)}, "ConfirmationsDelayed")


def _rate_late(facts: HealthFacts) -> HealthStatus:
    """Return `slow` where the trouble is that of one or two people: somebody who signed after them got the link."""
    served = facts.tries.last_success_at
    others_are_served = served is not None and facts.newest_late_at is not None and served > facts.newest_late_at
    return HealthStatus.SLOW if facts.late < MAX_LATE and others_are_served else HealthStatus.STUCK
