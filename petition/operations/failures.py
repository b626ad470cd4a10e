"""Deferred, failed and unknown deliveries: grouped by cause and recipient domain, and one by one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, or_, select, text

from petition.core.db import db
from petition.core.ids import is_id
from petition.core.pagination import Page, make_page, select_page
from petition.delivery.models import PROBLEM_STATES, Attempt, Delivery, DeliveryState
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations.statistics import queries

MAX_GROUPS = 50
PAGE_SIZE = 50  # rows
FILTER_STATES = (*PROBLEM_STATES, DeliveryState.DUE.value)
# What failed, or was left unknown, and was not tried for so long leaves the daily view for a list of its own.
DEAD_AFTER = timedelta(days=7)
AGES = ("recent", "dead")
MAX_ATTEMPTS = 32_767  # the column's type
PROBLEM_STATES_SQL = "deliveries.state IN ('deferred', 'failed', 'unknown')"


@dataclass(frozen=True)
class DeliveryFilter:
    """Selects among deferred, failed and unknown deliveries, or due ones; None matches every value but due.

    `since` and `until` bound the last attempt, as ISO 8601 in UTC; `attempts` is the least number of them; `worker`
    took part in one: `host/pid` or `host/pid/thread`. `age` is one of `AGES`.
    """

    queue: str | None = None
    state: str | None = None
    cause: str | None = None
    domain: str | None = None
    age: str | None = None
    since: str | None = None
    until: str | None = None
    worker: str | None = None
    attempts: int | None = None

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> "DeliveryFilter":
        """Return the filter that a query string or a form names; values that cannot occur are ignored."""
        queue, state = values.get("queue"), values.get("state")
        cause, domain, age = values.get("cause"), values.get("domain"), values.get("age")
        attempts, worker = values.get("attempts", ""), values.get("worker", "")
        return cls(
            queue=queue if queue in EMAIL_QUEUES else None,
            state=state if state in FILTER_STATES else None,
            cause=cause[:80].replace("\0", "") if cause is not None else None,
            domain=domain[:255].replace("\0", "") if domain is not None else None,
            age=age if age in AGES else None,
            since=parse_time(values.get("since", "")),
            until=parse_time(values.get("until", "")),
            worker=worker.strip()[:100].replace("\0", "") or None,
            attempts=min(int(attempts), MAX_ATTEMPTS) if attempts.isdecimal() and len(attempts) < 10 else None,
        )

    def conditions(self) -> list[Any]:
        """Return conditions on `Delivery`, beginning with the columns of its index."""
        conditions: list[Any] = [
            Delivery.queue.in_([self.queue] if self.queue else list(EMAIL_QUEUES)),
            # Constants, not parameters: the planner must see the predicate of the partial index.
            text("deliveries.state = 'due'" if self.state == DeliveryState.DUE else PROBLEM_STATES_SQL),
        ]
        if self.state and self.state != DeliveryState.DUE:
            conditions.append(Delivery.state == self.state)
        if self.cause is not None:
            conditions.append(Delivery.cause == self.cause)
        if self.domain is not None:
            conditions.append(func.coalesce(Delivery.domain, "") == self.domain)
        return conditions + self._attempt_conditions()

    def _attempt_conditions(self) -> list[Any]:
        conditions: list[Any] = []
        tried: Any = func.coalesce(Delivery.tried_at, Delivery.created_at)
        if self.age:
            is_dead = (Delivery.state != DeliveryState.DEFERRED) & (tried < func.now() - DEAD_AFTER)
            conditions.append(is_dead if self.age == "dead" else ~is_dead)
        if self.since:
            conditions.append(tried >= datetime.fromisoformat(self.since))
        if self.until:
            conditions.append(tried < datetime.fromisoformat(self.until))
        if self.attempts is not None:
            conditions.append(Delivery.attempt >= self.attempts)
        if self.worker:
            took_part = or_(Attempt.worker == self.worker, func.starts_with(Attempt.worker, f"{self.worker}/"))
            conditions.append(exists().where(Attempt.delivery_id == Delivery.id, took_part))
        return conditions

    def to_dict(self) -> dict[str, str | int]:
        """Return the values that are not None, by name: as stored with a bulk action and in query strings."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def parse_time(value: str) -> str | None:
    """Return a date or a time as ISO 8601 with its zone, UTC where it names none; None for anything else."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


@dataclass(frozen=True)
class FailureSummary:
    """Deliveries of one queue and state that share a cause and a recipient domain."""

    queue: str
    state: str
    cause: str
    domain: str
    n: int
    first_at: datetime | None
    last_at: datetime | None
    sample: str | None  # the response to the last one
    sample_id: int | None

    def is_dead(self, now: datetime) -> bool:
        """Whether none of them was tried for `DEAD_AFTER`."""
        return self.state != DeliveryState.DEFERRED and self.last_at is not None and self.last_at < now - DEAD_AFTER

    @property
    def filter(self) -> DeliveryFilter:
        """The filter that matches exactly this group."""
        return DeliveryFilter(self.queue, self.state, self.cause, self.domain)


def list_groups(limit: int = MAX_GROUPS) -> list[FailureSummary]:
    """Return the largest groups with exact counts, first and last attempt, and the last response."""
    return [FailureSummary(**row) for row in db.session.execute(queries.FAILURE_GROUPS, {"limit": limit}).mappings()]


def list_deliveries(which: DeliveryFilter, before: tuple[datetime, int] | None = None) -> Page[Delivery]:
    """Return a page of the deliveries that match, last attempt first; those that are due by when they are due.

    `before` is that time and the id of the last row of the previous page (see `parse_cursor`).
    """
    tried: Any = func.coalesce(Delivery.tried_at, Delivery.created_at)
    if which.state == DeliveryState.DUE:
        tried = Delivery.next_attempt_at  # the order of the index of what waits
    query = select(Delivery).where(*which.conditions())
    rows = db.session.scalars(select_page(query, (tried, Delivery.id), cursor=before, limit=PAGE_SIZE)).all()
    return make_page(rows, PAGE_SIZE, _make_cursor)


def _make_cursor(delivery: Delivery) -> str:
    """Return the cursor of the page that follows a delivery: its time in the list and its id."""
    listed_at = delivery.tried_at or delivery.created_at
    if delivery.state == DeliveryState.DUE:
        listed_at = delivery.next_attempt_at
    return f"{listed_at.isoformat()}~{delivery.id}"


def parse_cursor(cursor: str) -> tuple[datetime, int] | None:
    """Return attempt time and id of a cursor; None for anything that is not a cursor."""
    moment, _separator, number = cursor.partition("~")
    try:
        # A `+` of the time zone that was not escaped in a query string arrives as a space.
        at, delivery_id = datetime.fromisoformat(moment.replace(" ", "+")), int(number)
    except ValueError:
        return None
    return (at, delivery_id) if at.tzinfo and is_id(delivery_id) else None
