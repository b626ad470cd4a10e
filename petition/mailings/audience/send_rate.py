"""Send rate: when each email of a mailing may leave, stored as `next_attempt_at` in its delivery."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.mailings.models import Mailing
from petition.mailings.queries import RESCHEDULE_REMAINING, SET_LOCAL_LIMITS

STATEMENT_TIMEOUT = "600s"  # for one statement over millions of rows
SORT_WORK_MEM = "64MB"  # for each sort; beyond, PostgreSQL sorts on disk
MAX_DELAY_SECONDS = 600.0  # behind schedule; beyond, what is left is spread again: an outage must not end in a burst
SECONDS_PER_HOUR = 3600.0


class Stage(NamedTuple):
    """A part of a mailing with one rate: the place of its first email, when that leaves, and the time between two."""

    first_place: float
    starts_at_seconds: float
    interval_seconds: float


def send_stages(mailing: Mailing, done: int = 0) -> list[Stage]:
    """Return the stages of what is left of a mailing, of which `done` emails have left; the first starts at 0, 0.

    There is one stage without a warm-up; with one, each hour sends twice as many as the last, up to the full rate.
    """
    stages = list(_warm_up_stages(mailing.warm_up, mailing.per_hour)) if mailing.warm_up else []
    if mailing.per_hour and not stages:
        stages = [Stage(0.0, 0.0, SECONDS_PER_HOUR / mailing.per_hour)]
    if not stages:
        return [Stage(0.0, 0.0, 0.0)]
    current = next(stage for stage in reversed(stages) if stage.first_place <= done)
    elapsed = current.starts_at_seconds + (done - current.first_place) * current.interval_seconds
    later = (stage for stage in stages if stage.first_place > done)
    return [
        Stage(0.0, 0.0, current.interval_seconds),
        *(
            Stage(stage.first_place - done, stage.starts_at_seconds - elapsed, stage.interval_seconds)
            for stage in later
        ),
    ]


def _warm_up_stages(first_hour: int, per_hour: int | None) -> Iterator[Stage]:
    for hour in range(64):
        in_this_hour, before = first_hour * 2**hour, first_hour * (2**hour - 1)
        if per_hour and in_this_hour >= per_hour:
            yield Stage(float(before), SECONDS_PER_HOUR * hour, SECONDS_PER_HOUR / per_hour)
            return
        yield Stage(float(before), SECONDS_PER_HOUR * hour, SECONDS_PER_HOUR / in_this_hour)


def send_rate_parameters(mailing: Mailing, first_at: datetime, done: int = 0) -> dict[str, Any]:
    """Return a mailing's send rate as parameters of the statements that compute send times."""
    places, seconds, intervals = zip(*send_stages(mailing, done), strict=True)
    return {
        "mailing_id": mailing.id,
        "first_at": first_at,
        "stage_places": list(places),
        "stage_seconds": list(seconds),
        "stage_intervals": list(intervals),
        "domain_interval": SECONDS_PER_HOUR / mailing.per_domain_hour if mailing.per_domain_hour else 0.0,
    }


def raise_statement_limits(timeout: str = STATEMENT_TIMEOUT) -> None:
    """Give the statements of this transaction the time and memory that millions of rows take."""
    db.session.execute(SET_LOCAL_LIMITS, {"statement_timeout": timeout, "work_mem": SORT_WORK_MEM})


def has_rate_limit(mailing: Mailing) -> bool:
    """Say whether a mailing has a rate limit."""
    return bool(mailing.per_hour or mailing.per_domain_hour or mailing.warm_up)


def reschedule_remaining(mailing: Mailing, first_at: datetime, done: int) -> None:
    """Spread what is left of a mailing again from a given time on: after a pause, an outage, a retry. Flushes."""
    raise_statement_limits()
    db.session.execute(RESCHEDULE_REMAINING, send_rate_parameters(mailing, first_at, done))


def is_behind_schedule(mailing: Mailing) -> bool:
    """Say whether so much of a mailing is overdue that it would leave in a burst."""
    overdue = (
        select(Delivery.id)
        .where(Delivery.mailing_id == mailing.id, Delivery.state == DeliveryState.DUE)
        .where(Delivery.next_attempt_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, MAX_DELAY_SECONDS))
    )
    return has_rate_limit(mailing) and db.session.scalar(select(overdue.exists())) is True
