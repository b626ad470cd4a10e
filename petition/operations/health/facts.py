"""What health depends on: plain data from one statement, without the application or SQLAlchemy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from petition.delivery.queues import CONFIRMATIONS, EMAIL_QUEUES, EVERYTHING, QUEUE_NAMES, SERVER

SILENT_AFTER_SECONDS = 6.0  # six missed heartbeats: more than a short stall
EXPIRED_AFTER_SECONDS = 86_400.0  # a worker that died stays listed for a day; one that stops deletes its heartbeat
MAX_REQUESTS = 10_000  # submitted forms counted
MAX_TRIES = 2_000  # newest attempts read: ten seconds at 200 emails a second
TRIES_SECONDS = 300.0  # how old a rejected attempt may be that counts as one since the last success
# Two windows of acceptance: the short one reacts soon, the long one keeps the status from flapping.
SHORT_WINDOW_SECONDS, LONG_WINDOW_SECONDS = 15.0, 60.0
MIN_WAITING, MAX_WAITING = 3, 1_000  # emails that wait for a provider, from which on it is reported, and counted
MAX_LATE = 3  # people beyond the threshold counted: from so many on it is not one mailbox's trouble


@dataclass(frozen=True)
class Tries:
    """The attempts to send a confirmation in the last minutes. "Refused" is every outcome but the server's 250."""

    last_success_at: datetime | None = None
    last_try_at: datetime | None = None
    refused_since: int = 0  # since the last success
    refused_by_server_since: int = 0  # of these, not because of the recipient's mailbox
    accepted_in_a_row: int = 0  # since the last that was refused, the mailbox's own trouble left out
    accepted_short: int = 0
    refused_short: int = 0
    accepted_long: int = 0
    refused_long: int = 0
    response: str | None = None  # to the last refused one


@dataclass(frozen=True)
class Pause:
    """A pause of a queue, or the back-off from the mail server."""

    reason: str
    seconds: float  # since it began
    seconds_left: float | None  # negative when it is over; None without an end


@dataclass(frozen=True)
class Probe:
    """The last probe of the mail server."""

    ok: bool
    response: str
    seconds: float  # since then


@dataclass(frozen=True)
class UnreadMailbox:
    """The bounce mailbox while it cannot be read."""

    response: str
    seconds: float  # since then


@dataclass(frozen=True)
class RefusingProvider:
    """A mail provider that refuses us, and for which some emails wait."""

    name: str
    seconds: float  # since it began
    reply_class: str | None
    response: str | None
    waiting: int  # emails, counted up to `MAX_WAITING`


@dataclass(frozen=True)
class HealthFacts:
    """The mail queue at one moment, as far as health depends on it. Ages in seconds."""

    at: datetime
    slow_after: float
    stuck_after: float
    requests: int = 0  # submitted forms that no worker has made a signature and its email of yet
    oldest_request_at: datetime | None = None
    waiting: int = 0  # people who have no link yet: not sent, put off, or not even made a signature of
    oldest_at: datetime | None = None  # since when the first of them has been waiting
    oldest_ours_at: datetime | None = None  # the same without people whose own mailbox is full
    oldest_untried_at: datetime | None = None  # the same of people whose email was not put off
    late: int = 0  # people as in `oldest_ours_at`, beyond `stuck_after`, counted up to `MAX_LATE`
    newest_late_at: datetime | None = None  # when the last of these signed
    sending: int = 0  # confirmations that are being sent
    tries: Tries = field(default_factory=Tries)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    workers: Mapping[str, int] = field(default_factory=dict)  # by queue
    threads: int = 0  # of the workers of confirmations
    beat_silent: bool = False
    probe: Probe | None = None
    not_composed: int = 0  # emails that wait until whatever keeps them from being composed is corrected
    bounce_mailbox: UnreadMailbox | None = None  # None while it can be read, and without one
    providers: Sequence[RefusingProvider] = ()  # those that most emails wait for first

    @property
    def oldest(self) -> float | None:
        """How long the person has been waiting who has waited longest, since signing; None if nobody waits."""
        return self.seconds_since(self.oldest_at)

    @property
    def oldest_ours(self) -> float | None:
        """The same without people whose own mailbox is full."""
        return self.seconds_since(self.oldest_ours_at)

    @property
    def oldest_untried(self) -> float | None:
        """The same of people whose email was not put off."""
        return self.seconds_since(self.oldest_untried_at)

    @property
    def unserved_queues(self) -> list[str]:
        """Queues that no worker listens to."""
        return [queue for queue in QUEUE_NAMES if not self.workers.get(queue)]

    def seconds_since(self, moment: datetime | None) -> float | None:
        """Return the seconds from a moment to this one, not negative."""
        return None if moment is None else max(0.0, (self.at - moment).total_seconds())

    def pause_for(self, queue: str) -> Pause | None:
        """Return the pause of this queue or of all queues, if there is one."""
        return self.pauses.get(queue) or self.pauses.get(EVERYTHING)

    @property
    def relays_backing_off(self) -> list[Pause]:
        """The back-offs from single relays, of several, as long as sending goes on by others."""
        return [] if self.backoff else [self.pauses[scope] for scope in sorted(self.pauses) if scope[:7] == "server "]

    @property
    def backoff(self) -> Pause | None:
        """The back-off from the mail server, if it lasts or ended within a minute.

        Between two tries the back-off is over while the server is not well yet; an accepted email deletes it.
        """
        found = self.pauses.get(SERVER)
        return found if found and found.seconds_left is not None and found.seconds_left > -60 else None


def make_parameters(stuck_after: float) -> dict[str, Any]:
    """Return the parameters of `health_queries.HEALTH_FACTS`."""
    return {
        "max_requests": MAX_REQUESTS,
        "max_tries": MAX_TRIES,
        "tries_seconds": TRIES_SECONDS,
        "short_seconds": SHORT_WINDOW_SECONDS,
        "long_seconds": LONG_WINDOW_SECONDS,
        "stuck_after": stuck_after,
        "max_late": MAX_LATE,
        "min_waiting": MIN_WAITING,
        "max_waiting": MAX_WAITING,
        "expired_after": EXPIRED_AFTER_SECONDS,
        "email_queues": list(EMAIL_QUEUES),
    }


def parse_facts(row: Mapping[str, Any], slow_after: float, stuck_after: float) -> HealthFacts:
    """Return the facts of the statement's row, with the thresholds of the settings."""
    names = Tries.__dataclass_fields__
    workers = [beat for beat in row["heartbeats"] if beat["part"] == "worker" and not _is_silent(beat["seconds"])]
    beats = [each["seconds"] for each in row["heartbeats"] if each["part"] == "beat"]
    return HealthFacts(
        at=row["at"],
        slow_after=slow_after,
        stuck_after=stuck_after,
        requests=row["requests"],
        oldest_request_at=row["oldest_request_at"],
        waiting=row["waiting"],
        oldest_at=row["oldest_at"],
        oldest_ours_at=row["oldest_ours_at"],
        oldest_untried_at=row["oldest_untried_at"],
        late=row["late"],
        newest_late_at=row["newest_late_at"],
        sending=row["sending"],
        tries=Tries(**{name: row[name] for name in names}),
        pauses={scope: Pause(**pause) for scope, pause in row["pauses"].items()},
        workers={queue: _count(workers, queue) for queue in QUEUE_NAMES},
        threads=sum(worker["threads"] for worker in workers if CONFIRMATIONS.name in worker["queues"]),
        beat_silent=_is_silent(min(beats, default=None)),
        probe=Probe(**row["probe"]) if row["probe"] else None,
        not_composed=row["not_composed"],
        bounce_mailbox=UnreadMailbox(**row["bounce_mailbox"]) if row["bounce_mailbox"] else None,
        providers=[RefusingProvider(**provider) for provider in row["providers"]],
    )


def _count(workers: Sequence[Mapping[str, Any]], queue: str) -> int:
    return sum(queue in worker["queues"] for worker in workers)


def _is_silent(seconds_since_heartbeat: float | None) -> bool:
    return seconds_since_heartbeat is None or seconds_since_heartbeat > SILENT_AFTER_SECONDS
