"""The queue of events for other programs: how many wait for each endpoint, for how long, what its receiver answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from petition.core.db import db
from petition.integrations.models import EndpointState
from petition.integrations.webhooks.failures import count_failed
from petition.operations.health.watched_queries import WEBHOOK_QUEUE

MAX_EVENTS = 5_000  # of each endpoint that are counted
LATE_AFTER = timedelta(minutes=10)  # since the first event has been waiting
MIN_SILENCES = 3  # attempts in a row without an answer


@dataclass(frozen=True)
class WaitingEndpoint:
    """The events that wait for one endpoint."""

    id: int
    host: str
    paused: bool
    silences: int  # attempts in a row that got no answer
    due: int  # events not tried yet, counted up to `MAX_EVENTS` with those put off
    put_off: int
    oldest: float  # seconds that the first of them has been waiting; 0 if none waits
    answer: str | None  # the last one to an event that waits: the status, or why there is none

    @property
    def waiting(self) -> int:
        """Events that wait."""
        return self.due + self.put_off

    @property
    def late(self) -> bool:
        """Whether its receiver does not take them, or nobody sends them; what a member paused waits on purpose."""
        is_late = self.oldest > LATE_AFTER.total_seconds() or self.silences >= MIN_SILENCES
        return bool(self.waiting) and not self.paused and is_late


@dataclass(frozen=True)
class WebhookQueue:
    """All events that wait, and those that were given up."""

    endpoints: Sequence[WaitingEndpoint] = field(default=())
    failed: int = 0  # counted up to `failures.MAX_COUNTED`

    @property
    def depth(self) -> dict[str, int]:
        """Events by state, in the words of the other queues."""
        return {
            "due": sum(endpoint.due for endpoint in self.endpoints),
            "deferred": sum(endpoint.put_off for endpoint in self.endpoints),
            "failed": self.failed,
        }

    @property
    def oldest(self) -> float | None:
        """Seconds that the first event has been waiting that may be sent; None if none waits."""
        ages = [endpoint.oldest for endpoint in self.endpoints if endpoint.waiting and not endpoint.paused]
        return max(ages, default=None)

    @property
    def late(self) -> list[WaitingEndpoint]:
        """Endpoints whose events are late, the first to wait first."""
        return sorted((each for each in self.endpoints if each.late), key=lambda each: -each.oldest)


def read_webhook_queue(now: datetime) -> WebhookQueue:
    """Read the queue, in two statements of which each reads a bounded number of events."""
    endpoints = [
        WaitingEndpoint(
            id=row.id,
            host=urlsplit(row.url).hostname or "",
            paused=row.state == EndpointState.PAUSED,
            silences=row.failures,
            due=row.n - row.put_off,
            put_off=row.put_off,
            oldest=max(0.0, (now - row.oldest_at).total_seconds()) if row.oldest_at else 0.0,
            answer=row.answer,
        )
        for row in db.session.execute(WEBHOOK_QUEUE, {"max_events": MAX_EVENTS})
    ]
    return WebhookQueue(endpoints, count_failed())
