"""How far a mailing is: exact at every moment, without counting rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import distinct, func, select, text

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.models import BOUNCED_KINDS, Bounce
from petition.delivery.models import STATES, Delivery, DeliveryState
from petition.mailings.models import Mailing, Unsubscription

RATE_WINDOW = timedelta(minutes=5)  # over which the rate is taken
SAMPLE_INTERVAL = timedelta(seconds=15)
MAX_REASONS = 20
MAX_ROWS_READ = 100_000  # rows of trouble that the reasons are taken from

COUNT_BY_STATE = text("SELECT state, n FROM current_state_counts WHERE subject = 'mailing' AND queue = :mailing")


@dataclass(frozen=True)
class Progress:
    """A mailing's recipients by state, how fast it goes, and who left because of it. Rates per minute."""

    states: dict[str, int]
    unsubscribed: int
    bounced: int
    per_minute: float
    ends_at: datetime | None

    @property
    def total(self) -> int:
        """Everyone whom the mailing was ever owed to."""
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        """Those for whom it is over, one way or another."""
        return self.total - self.waiting

    @property
    def waiting(self) -> int:
        """Those to whom it is still to leave."""
        return self.states[DeliveryState.DUE] + self.states[DeliveryState.DEFERRED] + self.states[DeliveryState.SENDING]

    @property
    def left_out(self) -> int:
        """Those who were in the audience and were not mailed: they left it before their turn, or are suppressed."""
        return self.states[DeliveryState.CANCELLED] + self.states[DeliveryState.SUPPRESSED]

    def limit_counts(self) -> dict[str, int]:
        """Return what the limits look at: emails tried, failed or bounced, and readers who stopped the updates."""
        states = self.states
        return {
            "tried": states[DeliveryState.SENT] + states[DeliveryState.FAILED] + states[DeliveryState.UNKNOWN],
            "failed": states[DeliveryState.FAILED] + self.bounced,
            "unsubscribed": self.unsubscribed,
        }


def count_by_state(mailing_id: int) -> dict[str, int]:
    """Return how many of a mailing's deliveries are in each state."""
    found = {row.state: row.n for row in db.session.execute(COUNT_BY_STATE, {"mailing": str(mailing_id)})}
    return {state: int(found.get(state, 0)) for state in STATES}


def get_progress(mailing: Mailing) -> Progress:
    """Return how far a mailing is."""
    states = count_by_state(mailing.id)
    unsubscribed = db.session.scalar(
        select(func.count()).select_from(Unsubscription).where(Unsubscription.mailing_id == mailing.id)
    )
    rate = _per_minute(mailing, states[DeliveryState.SENT]) if mailing.started_at and not mailing.ended_at else 0.0
    waiting = states[DeliveryState.DUE] + states[DeliveryState.DEFERRED] + states[DeliveryState.SENDING]
    bounced = db.session.scalar(
        select(func.count(distinct(Bounce.delivery_id))).where(
            Bounce.mailing_id == mailing.id, Bounce.kind.in_(BOUNCED_KINDS)
        )
    )
    ends_at = _estimate_end(mailing, waiting, rate)
    return Progress(states, int(unsubscribed or 0), int(bounced or 0), rate, ends_at)


def record_sent_sample(mailing: Mailing) -> None:
    """Keep how many have left by now, for the rate of the last minutes. Flushes."""
    now = clock.now()
    kept = [sample for sample in mailing.sent_samples if datetime.fromisoformat(sample[0]) > now - RATE_WINDOW]
    if not kept or now - datetime.fromisoformat(kept[-1][0]) >= SAMPLE_INTERVAL:
        mailing.sent_samples = [*kept, [now.isoformat(), count_by_state(mailing.id)[DeliveryState.SENT]]]


def _per_minute(mailing: Mailing, sent: int) -> float:
    since, before = mailing.started_at or clock.now(), 0
    recent = [
        sample for sample in mailing.sent_samples if datetime.fromisoformat(sample[0]) > clock.now() - RATE_WINDOW
    ]
    if recent:
        since, before = datetime.fromisoformat(recent[0][0]), recent[0][1]
    return float(sent - before) / max((clock.now() - since).total_seconds() / 60, 1 / 60)


def _estimate_end(mailing: Mailing, waiting: int, rate: float) -> datetime | None:
    """Return when it will be done: by its plan, or by its speed where that is the slower."""
    if not waiting or mailing.paused_at or mailing.ended_at:
        return None
    planned = db.session.scalar(
        select(func.max(Delivery.next_attempt_at)).where(
            Delivery.mailing_id == mailing.id, Delivery.state.in_((DeliveryState.DUE, DeliveryState.DEFERRED))
        )
    )
    by_speed = clock.now() + timedelta(minutes=waiting / rate) if rate else None
    return max((moment for moment in (planned, by_speed) if moment), default=None) if by_speed else None


def list_failure_reasons(mailing_id: int) -> list[Any]:
    """Return why emails failed, were put off or left out, by state, each with how many and the last of its words."""
    trouble = (
        DeliveryState.DEFERRED,
        DeliveryState.FAILED,
        DeliveryState.UNKNOWN,
        DeliveryState.CANCELLED,
        DeliveryState.SUPPRESSED,
    )
    rows = (
        select(Delivery.state, Delivery.cause, Delivery.reason)
        .where(Delivery.mailing_id == mailing_id, Delivery.state.in_(trouble))
        .limit(MAX_ROWS_READ)
        .subquery()
    )
    why = func.coalesce(func.nullif(rows.c.cause, ""), rows.c.reason, "")
    query = select(rows.c.state, why.label("why"), func.count().label("n"), func.max(rows.c.reason).label("response"))
    return list(db.session.execute(query.group_by(rows.c.state, why).order_by(func.count().desc()).limit(MAX_REASONS)))
