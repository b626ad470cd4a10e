"""Progress of a mailing: exact at any time, from counters that triggers maintain, without counting rows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import distinct, func, select

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.models import BOUNCED_KINDS, Bounce
from petition.delivery.models import STATES, Delivery, DeliveryState
from petition.mailings.models import Mailing, Unsubscription
from petition.mailings.queries import COUNT_BY_STATE, COUNT_SIGNATURES_AROUND, LIST_FAILURE_REASONS

RATE_WINDOW = timedelta(minutes=5)  # over which the rate is taken
SAMPLE_INTERVAL = timedelta(seconds=15)
MAX_REASONS = 20
MAX_ROWS_READ = 100_000  # deliveries that the reasons are counted from


@dataclass(frozen=True)
class Progress:
    """A mailing's recipients by state, its rate in emails per minute, its bounces and unsubscribes."""

    states: dict[str, int]
    unsubscribed: int
    bounced: int
    per_minute: float
    ends_at: datetime | None

    @property
    def total(self) -> int:
        """All recipients."""
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        """The recipients whose delivery has ended, with whatever outcome."""
        return self.total - self.waiting

    @property
    def waiting(self) -> int:
        """The recipients whose email is still to be sent."""
        return self.states[DeliveryState.DUE] + self.states[DeliveryState.DEFERRED] + self.states[DeliveryState.SENDING]

    def limit_counts(self) -> dict[str, int]:
        """Return what the limits apply to: emails tried, failed or bounced, and unsubscribes."""
        states = self.states
        return {
            "tried": states[DeliveryState.SENT] + states[DeliveryState.FAILED] + states[DeliveryState.UNKNOWN],
            "failed": states[DeliveryState.FAILED] + self.bounced,
            "unsubscribed": self.unsubscribed,
        }


def count_by_state(mailing_id: int) -> dict[str, int]:
    """Return how many of a mailing's deliveries are in each state."""
    return count_each_by_state([mailing_id])[mailing_id]


def count_each_by_state(mailing_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return, for each of some mailings, how many of its deliveries are in each state."""
    counts = {id: dict.fromkeys(STATES, 0) for id in mailing_ids}
    for row in db.session.execute(COUNT_BY_STATE, {"mailings": [str(id) for id in counts]}):
        counts[row.mailing_id][row.state] = int(row.n)
    return counts


def count_unsubscribed(mailing_ids: Iterable[int]) -> dict[int, int]:
    """Return how many recipients of each of some mailings unsubscribed."""
    query = select(Unsubscription.mailing_id, func.count()).where(Unsubscription.mailing_id.in_(list(mailing_ids)))
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Unsubscription.mailing_id))}


class SignaturesAround(NamedTuple):
    """The signatures confirmed on a mailing's petitions in the week from its start, and in the week before."""

    after: int
    before: int


def count_signatures_around(mailing: Mailing) -> SignaturesAround | None:
    """Return what a mailing may have brought, None while it has not begun. A minute old at most."""
    if mailing.started_at is None:
        return None
    parameters = {"petitions": mailing.segment["petitions"], "start": mailing.started_at}
    row = db.session.execute(COUNT_SIGNATURES_AROUND, parameters).one()
    return SignaturesAround(int(row.after), int(row.before))


def get_progress(mailing: Mailing) -> Progress:
    """Return the progress of a mailing."""
    states = count_by_state(mailing.id)
    unsubscribed = count_unsubscribed([mailing.id]).get(mailing.id, 0)
    rate = _per_minute(mailing, states[DeliveryState.SENT]) if mailing.started_at and not mailing.ended_at else 0.0
    bounced = db.session.scalar(
        select(func.count(distinct(Bounce.delivery_id))).where(
            Bounce.mailing_id == mailing.id, Bounce.kind.in_(BOUNCED_KINDS)
        )
    )
    progress = Progress(states, unsubscribed, int(bounced or 0), rate, None)
    return replace(progress, ends_at=_estimate_end(mailing, progress.waiting, rate))


def record_sent_sample(mailing: Mailing) -> None:
    """Store how many emails were sent by now, for the rate of the last minutes."""
    now = clock.now()
    recent = _recent_samples(mailing)
    if not recent or now - datetime.fromisoformat(recent[-1][0]) >= SAMPLE_INTERVAL:
        mailing.sent_samples = [*recent, [now.isoformat(), count_by_state(mailing.id)[DeliveryState.SENT]]]


def _recent_samples(mailing: Mailing) -> list[Any]:
    start = clock.now() - RATE_WINDOW
    return [sample for sample in mailing.sent_samples if datetime.fromisoformat(sample[0]) > start]


def _per_minute(mailing: Mailing, sent: int) -> float:
    since, before = mailing.started_at or clock.now(), 0
    recent = _recent_samples(mailing)
    if recent:
        since, before = datetime.fromisoformat(recent[0][0]), recent[0][1]
    return float(sent - before) / max((clock.now() - since).total_seconds() / 60, 1 / 60)


def _estimate_end(mailing: Mailing, waiting: int, rate: float) -> datetime | None:
    """Return when the mailing will be complete: by its schedule, or by its rate where that is later."""
    if not waiting or not rate or mailing.paused_at or mailing.ended_at:
        return None
    planned = db.session.scalar(
        select(func.max(Delivery.next_attempt_at)).where(
            Delivery.mailing_id == mailing.id, Delivery.state.in_((DeliveryState.DUE, DeliveryState.DEFERRED))
        )
    )
    by_rate = clock.now() + timedelta(minutes=waiting / rate)
    return max(planned, by_rate) if planned else by_rate


def list_failure_reasons(mailing_id: int) -> list[Any]:
    """Return why emails failed, were deferred or not sent, as rows of `state`, `why`, `n` and `response`."""
    parameters = {"mailing_id": mailing_id, "max_rows": MAX_ROWS_READ, "max_reasons": MAX_REASONS}
    return list(db.session.execute(LIST_FAILURE_REASONS, parameters))
