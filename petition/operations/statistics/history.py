"""History of the mail over weeks and months: volume, waits, and what became of the emails to each provider."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from petition.core.cache import get_or_create
from petition.core.db import db
from petition.delivery.models import DeliveryState
from petition.delivery.queues import CONFIRMATIONS, EMAIL_QUEUES, WEBHOOKS
from petition.operations.failures import FailureSummary
from petition.operations.statistics import history_queries, latency
from petition.operations.statistics.rollup import DAILY_RETENTION, family_parameters

MAX_PROVIDERS, MAX_REJECTIONS = 20, 20
TTL_SECONDS = 30.0
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday, from which slots of time are counted, as in the statements
LINKED, CONFIRMED, BUDGET = "linked", "confirmed", "budget"


@dataclass(frozen=True)
class Period:
    """A period that ends now, and the length of its slots of time."""

    length: timedelta
    step: timedelta

    def find_slots(self, now: datetime) -> list[datetime]:
        """Return the beginnings of its slots, oldest first; the last one is under way."""
        last = EPOCH + (now - EPOCH) // self.step * self.step
        count = self.length // self.step
        return [last - self.step * (count - 1 - n) for n in range(count)]


PERIODS = {
    "week": Period(timedelta(days=7), timedelta(hours=6)),
    "month": Period(timedelta(days=30), timedelta(days=1)),
    "quarter": Period(timedelta(days=91), timedelta(days=1)),
    "year": Period(DAILY_RETENTION, timedelta(days=7)),
}


@dataclass
class Slot:
    """What became of emails within a slot of time; links and confirmations by when the link was emailed."""

    at: datetime
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EMAIL_QUEUES, 0))
    outcomes: dict[str, int] = field(default_factory=dict)  # other states, BUDGET, LINKED and CONFIRMED
    latency_counts: dict[int, int] = field(default_factory=dict)  # of confirmations
    rejections: dict[str, int] = field(default_factory=dict)  # failed or put off, by provider
    webhooks: dict[str, int] = field(default_factory=dict)  # attempts to send events to other programs, by outcome

    def count(self, outcome: str) -> int:
        """Return how many emails had an outcome."""
        return self.outcomes.get(outcome, 0)

    def percentile(self, share: float) -> float | None:
        """Return the seconds that this share of confirmations did not exceed."""
        return latency.percentile(self.latency_counts, share)


@dataclass
class ProviderHistory:
    """What became of the emails to a mail provider within a period."""

    name: str
    outcomes: dict[str, int] = field(default_factory=dict)
    latency_counts: dict[int, int] = field(default_factory=dict)

    def count(self, outcome: str) -> int:
        """Return how many emails had an outcome."""
        return self.outcomes.get(outcome, 0)

    @property
    def mail(self) -> int:
        """Emails sent, put off and failed."""
        return sum(map(self.count, (DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED)))

    @property
    def confirmation_rate(self) -> float | None:
        """Links followed per link emailed, at most 1; None without links."""
        linked = self.count(LINKED)
        return min(1.0, self.count(CONFIRMED) / linked) if linked else None

    def percentile(self, share: float) -> float | None:
        """Return the seconds, from enqueueing to the server's 250, that this share of the emails did not exceed."""
        return latency.percentile(self.latency_counts, share)


def read_slots(period: Period, now: datetime, provider: str | None = None) -> list[Slot]:
    """Return the slots of a period, oldest first, those without emails included; of one provider, or of all."""
    slots = {at: Slot(at) for at in period.find_slots(now)}
    parameters = {"step": period.step, "since": next(iter(slots)), "provider": provider}
    for row in db.session.execute(history_queries.VOLUME, parameters):
        if slot := slots.get(row.slot):
            if row.queue == WEBHOOKS:
                slot.webhooks[row.state] = row.n
            elif row.state == DeliveryState.SENT:
                slot.sent[row.queue] = row.n
            else:
                slot.outcomes[row.state] = slot.count(row.state) + row.n
    for row in db.session.execute(history_queries.WAITS, parameters | {"queue": CONFIRMATIONS.name}):
        if slot := slots.get(row.slot):
            slot.latency_counts[row.bucket] = row.n
    if provider is None:
        for row in db.session.execute(history_queries.REJECTIONS, parameters):
            if slot := slots.get(row.slot):
                slot.rejections[row.provider] = row.n
    return list(slots.values())


def get_slots(name: str, now: datetime) -> Sequence[Slot]:
    """Return the slots of a period by its name, of all providers, cached for `TTL_SECONDS`."""
    return get_or_create(f"operations.history.{name}", lambda: read_slots(PERIODS[name], now), TTL_SECONDS)


def list_providers(period: Period, now: datetime) -> list[ProviderHistory]:
    """Return what became of the emails to the providers with the most mail, largest first."""
    found: dict[str, ProviderHistory] = {}
    parameters = {"since": period.find_slots(now)[0], "limit": MAX_PROVIDERS}
    for row in db.session.execute(history_queries.PROVIDERS, parameters):
        provider = found.setdefault(row.provider, ProviderHistory(row.provider))
        provider.outcomes[row.state] = provider.count(row.state) + row.n
        if row.state == DeliveryState.SENT and row.bucket >= 0:
            provider.latency_counts[row.bucket] = provider.latency_counts.get(row.bucket, 0) + row.n
    return sorted(found.values(), key=lambda each: (-each.mail, each.name))


def sum_up(provider: str, slots: Sequence[Slot]) -> ProviderHistory:
    """Return the sum of a provider's slots: of one that is not among those with the most mail."""
    total = ProviderHistory(provider)
    for slot in slots:
        for outcome, n in {**slot.outcomes, DeliveryState.SENT.value: sum(slot.sent.values())}.items():
            total.outcomes[outcome] = total.count(outcome) + n
        for bucket, n in slot.latency_counts.items():
            total.latency_counts[bucket] = total.latency_counts.get(bucket, 0) + n
    return total


def list_rejections(provider: str) -> list[FailureSummary]:
    """Return the emails of a provider that are deferred, failed or unknown now, by cause, with its last response."""
    parameters = {"provider": provider, "limit": MAX_REJECTIONS, **family_parameters()}
    return [FailureSummary(**row) for row in db.session.execute(history_queries.REJECTIONS_NOW, parameters).mappings()]
