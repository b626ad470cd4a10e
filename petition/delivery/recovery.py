"""Make put-off emails due at once when what put them off is over, so that nobody waits for a long backoff in vain.

Each process watches what the mail server answers. Emails to a provider that are put off in a row, for a cause that
says nothing of the recipient, are an outage; the first that is accepted there ends it. Then the emails put off by that
cause are made due: those to this provider, or all of them where others met the same. They come in batches that double,
as long as emails are accepted: where more of them meet the cause again, it ends, and the next one waits twice as long.
Whether emails flow again is never asked of more than a few.
"""

import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from petition.core.db import autocommit_connection
from petition.delivery.models import DeliveryState
from petition.delivery.pacing.providers import guess_provider
from petition.delivery.queries import HASTEN_DEFERRED
from petition.delivery.queues import EMAIL_QUEUES, Queue
from petition.delivery.replies.classifier import ReplyClass
from petition.delivery.smtp.responses import Outcome
from petition.delivery.wakeup import wake_soon

MIN_PUT_OFF = 2  # emails put off in a row that make an outage
FIRST_BATCH, MAX_BATCH = 20, 500  # emails made due at once
BATCH_INTERVAL_SECONDS = 0.5
# Threads that still waited for an answer when the outage ended put their emails off later: they are looked for as well.
STRAGGLERS_INTERVAL_SECONDS, STRAGGLERS_SECONDS = 2.0, 30.0
MAX_STRAGGLERS = 8  # emails that meet the cause again beyond those accepted: threads that still waited for an answer
FORGET_AFTER_SECONDS = 4 * 3600.0  # the longest backoff
RETRY_SECONDS, MAX_RETRY_SECONDS = 15.0, 3600.0  # between two recoveries from one cause, where the first failed
CONNECTION = "connection"  # stands for every cause without a reply: refused, closed, not answered in time
# RFC 3463: X.1.X is said of the address, X.2.X of its mailbox.
MAILBOX_CAUSE = re.compile(r"^\d{3} \d\.[12]\.")


@dataclass
class _Outage:
    """Emails to one provider that were put off in a row."""

    cause: str
    since: float  # when the first was
    count: int = 0
    at: float = 0.0  # of the last
    is_over: bool = False  # one was accepted since the last, while its recovery had to wait
    domains: set[str] = field(default_factory=set)
    rate_limited: bool = False


@dataclass
class _Recovery:
    """An outage that ended. `domains`: of the emails to make due; None for all."""

    domains: frozenset[str] | None
    expires_at: float
    batch: int = FIRST_BATCH
    next_at: float = 0.0
    released: int = 0  # the size of the batch before
    accepted: int = 0  # since then
    balance: int = 0  # accepted less put off again

    def covers(self, domain: str) -> bool:
        """Return whether emails to a domain are among those to make due."""
        return self.domains is None or domain in self.domains


class OutageWatch:
    """What providers put off of one queue, within this process; safe for threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, threading.Lock()
        self._outages: dict[str, _Outage] = {}  # by provider
        self._recoveries: dict[str, _Recovery] = {}  # by cause
        self._failed: dict[str, tuple[int, float]] = {}  # by cause: failed recoveries in a row, and when the last did

    def note(
        self, domain: str, outcome: Outcome, began: float = math.inf
    ) -> tuple[str, frozenset[str] | None, int] | None:
        """Note what was answered to an email; return the cause, the domains and the number of emails to make due.

        `began`: when it was offered (of the same clock). One that was under way as an outage began is not its end.
        """
        if not outcome.attempted or outcome.parked_for:
            return None  # an email whose provider is backed off from waits for that alone (`pacing`)
        if outcome.retry_at_once and not outcome.server_trouble:
            return None  # a busy worker began it late in its lease: it is due again, and the server is well
        provider, now = guess_provider(domain), self._now()
        with self._lock:
            if outcome.state == DeliveryState.SENT:
                for recovery in self._recoveries.values():
                    recovery.balance += recovery.covers(domain)
                    recovery.accepted += recovery.covers(domain)
                if (outage := self._outages.get(provider)) and began >= outage.since:
                    self._end_outage(provider, outage, now)
                return self._next_batch(now)
            cause = outcome.cause if outcome.code else CONNECTION
            if outcome.state == DeliveryState.DEFERRED and not MAILBOX_CAUSE.match(cause):
                self._add(provider, domain, cause, now, rate_limited=outcome.rejection == ReplyClass.RATE)
        return None

    def next_batch(self) -> tuple[str, frozenset[str] | None, int] | None:
        """Return what to make due next of an outage that ended lately, as `note` does, without a new email's answer."""
        with self._lock:
            now = self._now()
            for provider in [name for name, outage in self._outages.items() if outage.is_over]:
                self._end_outage(provider, self._outages[provider], now)
            return self._next_batch(now)

    def note_drained(self, cause: str) -> None:
        """Note that no email put off by a cause is left now."""
        with self._lock:
            if recovery := self._recoveries.get(cause):
                recovery.next_at = self._now() + STRAGGLERS_INTERVAL_SECONDS
                recovery.released, recovery.batch = MAX_BATCH, FIRST_BATCH

    def note_released(self, cause: str) -> None:
        """Note that emails put off by a cause were made due."""
        with self._lock:
            if recovery := self._recoveries.get(cause):
                recovery.expires_at = self._now() + STRAGGLERS_SECONDS

    def _add(self, provider: str, domain: str, cause: str, now: float, *, rate_limited: bool) -> None:
        recovery = self._recoveries.get(cause)
        if recovery and recovery.covers(domain):
            recovery.balance -= 1
            if recovery.balance <= -MAX_STRAGGLERS:
                del self._recoveries[cause]
                self._failed[cause] = (self._failed.get(cause, (0, 0.0))[0] + 1, now)
        found = self._outages.get(provider)
        if found is None or found.cause != cause or now - found.at > FORGET_AFTER_SECONDS:
            found = self._outages[provider] = _Outage(cause, now)
        found.count, found.at, found.is_over = found.count + 1, now, False
        found.rate_limited = rate_limited
        found.domains.add(domain)

    def _end_outage(self, provider: str, outage: _Outage, now: float) -> None:
        if self._must_wait(outage.cause, now):
            outage.is_over = True  # `next_batch` ends it after the wait, though none may be accepted then
            return
        del self._outages[provider]
        if outage.cause in self._recoveries:
            return
        others = [
            each
            for each in self._outages.values()
            if each.cause == outage.cause and now - each.at <= FORGET_AFTER_SECONDS
        ]
        if outage.count + sum(each.count for each in others) < MIN_PUT_OFF:
            return
        if others:
            self._recoveries[outage.cause] = _Recovery(None, now + STRAGGLERS_SECONDS)
        elif not outage.rate_limited:  # a provider that limits our rate is not to get all of them at once
            self._recoveries[outage.cause] = _Recovery(frozenset(outage.domains), now + STRAGGLERS_SECONDS)

    def _must_wait(self, cause: str, now: float) -> bool:
        failed, at = self._failed.get(cause, (0, 0.0))
        return bool(failed) and now - at < min(RETRY_SECONDS * 2 ** min(failed - 1, 10), MAX_RETRY_SECONDS)

    def _next_batch(self, now: float) -> tuple[str, frozenset[str] | None, int] | None:
        for cause in [cause for cause, recovery in self._recoveries.items() if recovery.expires_at < now]:
            del self._recoveries[cause]
            self._failed.pop(cause, None)
        for cause, recovery in self._recoveries.items():
            # All of the batch before were accepted; or some were, and other processes send the rest.
            if recovery.accepted >= recovery.released or recovery.next_at <= now:
                recovery.released, recovery.batch = recovery.batch, min(recovery.batch * 2, MAX_BATCH)
                recovery.next_at, recovery.accepted = now + BATCH_INTERVAL_SECONDS, 0
                return cause, recovery.domains, recovery.released
        return None


_watches = {name: OutageWatch() for name, queue in EMAIL_QUEUES.items() if not queue.by_mailing}


def note_outcome(queue: Queue, domain: str, outcome: Outcome, began: float) -> None:
    """Note what was answered to an email, and make emails due that were put off by an outage that is over.

    `began`: when the email was offered (monotonic seconds).
    Commits by itself where it does. Mailings are skipped: they follow the schedule of their send rate.
    """
    if watch := _watches.get(queue.name):
        _hasten(queue, watch, watch.note(domain, outcome, began))


def continue_recovery(queue: Queue) -> None:
    """Make emails due that were put off as an outage ended, without waiting for another to be accepted.

    Commits by itself where it does; costs nothing where no outage ended lately.
    """
    if watch := _watches.get(queue.name):
        _hasten(queue, watch, watch.next_batch())


def forget_outages() -> None:
    """Forget all outages: for tests."""
    _watches.update({name: OutageWatch() for name in _watches})


def _hasten(queue: Queue, watch: OutageWatch, due: tuple[str, frozenset[str] | None, int] | None) -> None:
    if due is None:
        return
    cause, domains, limit = due
    parameters = {
        "queue": queue.name,
        "cause": cause,
        "any_connection": cause == CONNECTION,
        "domains": None if domains is None else sorted(domains),
        "limit": limit,
    }
    with autocommit_connection() as connection:
        found = connection.execute(HASTEN_DEFERRED, parameters).rowcount
    if found:
        watch.note_released(cause)
        wake_soon(queue.name)
    if found < limit:
        watch.note_drained(cause)
