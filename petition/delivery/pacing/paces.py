"""The pace of each mail provider: who may be mailed how fast now, who refused us, and what an operator set.

We back off from a provider that refuses us, on every queue and every host: 15 s, doubling to 16 minutes with each
back-off within an hour. Then single emails are tried; the first that is taken starts it again at 600 an hour, doubling
every ten seconds, until it flows as before. Its emails wait meanwhile, without an attempt. The state is a row of
`mail_providers`; each process reads those rows once a second, so that nothing is asked while all is well.
"""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from petition.core.db import autocommit_connection
from petition.delivery.pacing.models import ProviderState
from petition.delivery.pacing.queries import (
    ADMIT,
    CLEAR_UNCLEAR_REJECTIONS,
    FINISH,
    REFUSE,
    RELEASE_PARKED,
    SELECT_WATCHED,
)
from petition.delivery.replies.classifier import ReplyClass

READ_INTERVAL_SECONDS = 1.0
FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 15.0, 960.0
MAX_UNCLEAR_BACKOFF_SECONDS = 60.0  # where the trouble may be our own mail server's
FIRST_PACE_PER_HOUR, FULL_PACE_PER_HOUR = 600.0, 36_000.0
STEP_SECONDS = 10.0
MAX_RELEASED = 200  # emails that waited, for one provider and queue at a time
# How many rejections in a row, of different emails, are about us rather than about one mailbox. Sure are those for our
# rate, our reputation or how our mail is signed; what policy or content means may be the recipient's own choice.
THRESHOLDS = {
    ReplyClass.RATE: 2,
    ReplyClass.REPUTATION: 2,
    ReplyClass.AUTHENTICATION: 2,
    ReplyClass.CONTENT: 3,
    ReplyClass.POLICY: 3,
    ReplyClass.TEMPORARY: 2,  # the server closed the connection: 421, 454
}


@dataclass(frozen=True)
class WatchedProvider:
    """A provider that is not mailed at full speed, or whose emails wait."""

    name: str
    state: str
    limited: bool  # by an operator
    reply_class: str | None
    response: str | None
    waiting: bool

    @property
    def paced(self) -> bool:
        """Whether it must be asked for how many emails may leave."""
        return self.limited or self.state != ProviderState.FLOWING


class WatchedProviders:
    """What this process knows of the providers in `mail_providers`, read again after `READ_INTERVAL_SECONDS`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._providers: Mapping[str, WatchedProvider] = {}
        self._stale_at = 0.0

    def get(self) -> Mapping[str, WatchedProvider]:
        """Return the providers by name; reads them from the database if that is due."""
        with self._lock:
            if time.monotonic() < self._stale_at:
                return self._providers
            self._stale_at = time.monotonic() + READ_INTERVAL_SECONDS  # other threads go on with what is known
        with autocommit_connection() as connection:
            providers = {row.name: WatchedProvider(*row) for row in connection.execute(SELECT_WATCHED)}
        with self._lock:
            self._providers = providers
        return providers

    def expire(self) -> None:
        """Have the providers read again at the next use."""
        with self._lock:
            self._stale_at = 0.0


watched = WatchedProviders()


@dataclass(frozen=True)
class Admission:
    """How many emails may leave to a provider now, and its last rejection."""

    granted: int
    reply_class: str | None
    response: str | None


def admit(wanted: Mapping[str, int], token: uuid.UUID, lease: object, yields_to: str | None) -> dict[str, Admission]:
    """Ask how many emails of a claim may leave to each provider now. One autocommitted statement; see `finish`."""
    parameters = {
        "names": list(wanted),
        "wanted": list(wanted.values()),
        "token": str(token),
        "lease": lease,
        "yields_to": yields_to,
    }
    with autocommit_connection() as connection:
        rows = connection.execute(ADMIT, parameters)
        return {row.name: Admission(row.granted, row.reply_class, row.response) for row in rows}


def finish(accepted: Mapping[str, bool], token: uuid.UUID) -> None:
    """Release what a claim was admitted for; `accepted`: whether its last answer was that a provider is well.

    One autocommitted statement.
    """
    parameters = {
        "names": list(accepted),
        "accepted": list(accepted.values()),
        "token": str(token),
        "first_pace": FIRST_PACE_PER_HOUR,
        "full_pace": FULL_PACE_PER_HOUR,
        "step_seconds": STEP_SECONDS,
    }
    with autocommit_connection() as connection:
        connection.execute(FINISH, parameters)
    watched.expire()


def refuse(provider: str, delivery_id: int, reply_class: str, response: str, *, took_another: bool = False) -> bool:
    """Note that a provider refused an email in a way that may be about us; return whether we back off from it.

    `took_another`: whether it took another email since its last rejection. One autocommitted statement.
    """
    unclear = reply_class == ReplyClass.TEMPORARY
    parameters = {
        "name": provider[:255],
        "delivery_id": delivery_id,
        "reply_class": reply_class,
        "response": response[:200],
        "took_another": took_another,
        "threshold": THRESHOLDS[ReplyClass(reply_class)],
        "first_backoff_seconds": FIRST_BACKOFF_SECONDS,
        "max_backoff_seconds": MAX_UNCLEAR_BACKOFF_SECONDS if unclear else MAX_BACKOFF_SECONDS,
    }
    with autocommit_connection() as connection:
        backs_off = bool(connection.execute(REFUSE, parameters).scalar_one())
    watched.expire()
    return backs_off


def clear_unclear_rejections() -> None:
    """Forget the closed connections that providers were blamed for: the mail server is in trouble itself.

    One autocommitted statement; `release_parked` lets their emails go.
    """
    with autocommit_connection() as connection:
        connection.execute(CLEAR_UNCLEAR_REJECTIONS, {"reply_class": ReplyClass.TEMPORARY})
    watched.expire()


def release_parked(queue: str) -> int:
    """Let emails of a queue go that wait for providers, as many as may leave now; return how many.

    One autocommitted statement, and none while no email waits.
    """
    if not any(provider.waiting for provider in watched.get().values()):
        return 0
    with autocommit_connection() as connection:
        return len(connection.execute(RELEASE_PARKED, {"queue": queue, "most": MAX_RELEASED}).all())
