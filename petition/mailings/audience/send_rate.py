"""When each email of a mailing may leave: its rates, as a moment in each row."""

from datetime import datetime
from typing import Any

from sqlalchemy import Float, case, cast, func, literal, select, text, update

from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.mailings.models import Mailing

STATEMENT_TIMEOUT = "600s"  # of the one statement that moves millions of rows
MAX_DELAY_SECONDS = (
    600.0  # seconds behind its plan from which a mailing is planned anew, so that an outage ends in no burst
)


def send_delay_seconds(mailing: Mailing, place: Any, in_domain: Any, done: int = 0) -> Any:
    """Return as SQL how long after the next email another may leave, by its place in what is left and in its domain.

    `done`: how many have left, which a warm-up remembers.
    """
    # A microsecond apart where no rate is asked: so they have an order, and an index has no heap of equal keys.
    paces = [cast(place, Float) / 1e6]
    if mailing.warm_up:
        since = _warm_up_seconds(cast(literal(done), Float), mailing.warm_up, mailing.per_hour)
        paces.append(_warm_up_seconds(cast(place + done, Float), mailing.warm_up, mailing.per_hour) - since)
    elif mailing.per_hour:
        paces.append(place * 3600.0 / mailing.per_hour)
    if mailing.per_domain_hour:
        paces.append(in_domain * 3600.0 / mailing.per_domain_hour)
    return func.greatest(*paces)


def _warm_up_seconds(place: Any, first_hour: int, per_hour: int | None) -> Any:
    """Return when a place comes if each hour takes twice as many as the one before, up to the full rate."""
    hour = func.floor(func.ln(place / first_hour + 1) / func.ln(cast(literal(2.0), Float)))
    before = first_hour * (func.power(2.0, hour) - 1)
    growing = 3600.0 * (hour + (place - before) / (first_hour * func.power(2.0, hour)))
    if not per_hour:
        return growing
    full_from = next(k for k in range(64) if first_hour * 2**k >= per_hour)
    warmed = first_hour * (2**full_from - 1)
    return case((place < warmed, growing), else_=3600.0 * full_from + (place - warmed) * 3600.0 / per_hour)


def add_seconds(moment: datetime, seconds: Any) -> Any:
    """Return as SQL the moment so many seconds after another."""
    return literal(moment) + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def has_rate_limit(mailing: Mailing) -> bool:
    """Say whether a mailing has a rate to keep."""
    return bool(mailing.per_hour or mailing.per_domain_hour or mailing.warm_up)


def reschedule_remaining(mailing: Mailing, first_at: datetime, done: int) -> None:
    """Spread what is left of a mailing anew, from a moment on: after a pause, an outage, a change of rates. Flushes."""
    db.session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
    left = (
        select(
            Delivery.id,
            (func.row_number().over(order_by=Delivery.next_attempt_at) - 1).label("place"),
            (func.row_number().over(partition_by=Delivery.domain, order_by=Delivery.next_attempt_at) - 1).label(
                "in_domain"
            ),
        )
        .where(Delivery.mailing_id == mailing.id, Delivery.state == DeliveryState.DUE)
        .subquery()
    )
    at = add_seconds(first_at, send_delay_seconds(mailing, left.c.place, left.c.in_domain, done))
    db.session.execute(
        update(Delivery)
        .where(Delivery.id == left.c.id, Delivery.state == DeliveryState.DUE)
        .values(next_attempt_at=at)
        .execution_options(synchronize_session=False)
    )


def is_behind_schedule(mailing: Mailing) -> bool:
    """Say whether a mailing is so far behind its plan that what is overdue would leave in a burst."""
    overdue = (
        select(Delivery.id)
        .where(Delivery.mailing_id == mailing.id, Delivery.state == DeliveryState.DUE)
        .where(Delivery.next_attempt_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, MAX_DELAY_SECONDS))
    )
    return has_rate_limit(mailing) and db.session.scalar(select(overdue.exists())) is True
