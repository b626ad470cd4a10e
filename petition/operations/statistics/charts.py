"""Charts: emails sent and latency of confirmations in the last day, and their history over months."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pygal
from flask_babel import gettext as _

from petition.core.charts import Plot, label_day, name_hour
from petition.core.i18n import format_date_text
from petition.delivery.models import DeliveryState
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations.labels import state_label
from petition.operations.statistics import latency
from petition.operations.statistics.history import Slot
from petition.operations.statistics.queue_stats import HourStats

MAX_PROVIDERS_DRAWN = 3  # as many as the palette tells apart


def plot_throughput(hours: Sequence[HourStats]) -> Plot:
    """Return the emails sent in each hour, by queue."""
    series = {queue: [hour.sent[queue] for hour in hours] for queue in EMAIL_QUEUES}
    return Plot(pygal.StackedBar, _("emails per hour"), *_name_hours(hours), series)


def plot_latency(hours: Sequence[HourStats]) -> Plot:
    """Return the latency percentiles of confirmations in each hour."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    series = {
        name: [latency.percentile(hour.latency_counts, share) for hour in hours] for name, share in shares.items()
    }
    names = _name_hours(hours)
    return Plot(pygal.Line, None, *names, series, in_seconds=True)


def plot_volume(slots: Sequence[Slot]) -> Plot:
    """Return the emails sent in each slot of time, by queue."""
    return _plot_slots(slots, {queue: [slot.sent[queue] for slot in slots] for queue in EMAIL_QUEUES})


def plot_outcomes(slots: Sequence[Slot]) -> Plot:
    """Return the emails that failed, or were put off, in each slot of time."""
    states = (DeliveryState.FAILED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN)
    return _plot_slots(slots, {state_label(state): [slot.count(state) for slot in slots] for state in states})


def plot_rejections(slots: Sequence[Slot]) -> Plot:
    """Return the emails that failed, or were put off, in each slot: of the providers with the most, and of others."""
    totals: Counter[str] = Counter()
    for slot in slots:
        totals.update(slot.rejections)
    names = [name for name, _n in totals.most_common(MAX_PROVIDERS_DRAWN - 1)]
    series = {name: [slot.rejections.get(name, 0) for slot in slots] for name in names}
    if len(totals) > len(names):
        rest = [sum(n for name, n in slot.rejections.items() if name not in names) for slot in slots]
        series[_("all others")] = rest
    return _plot_slots(slots, series)


def plot_waits(slots: Sequence[Slot]) -> Plot:
    """Return the median and the p95 of the latency of confirmations in each slot of time."""
    series = {name: [slot.percentile(share) for slot in slots] for name, share in (("p50", 0.5), ("p95", 0.95))}
    names, every = _name_slots(slots), _label_every(slots)
    return Plot(pygal.Line, None, *names, series, every, in_seconds=True)


def plot_webhooks(slots: Sequence[Slot]) -> Plot:
    """Return the attempts to send events to other programs in each slot of time, by outcome."""
    states = (DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED)
    series = {state_label(state): [slot.webhooks.get(state, 0) for slot in slots] for state in states}
    return _plot_slots(slots, series, _("attempts"))


def _plot_slots(slots: Sequence[Slot], series: Mapping[str, Sequence[int]], unit: str | None = None) -> Plot:
    return Plot(pygal.StackedBar, unit or _("emails"), *_name_slots(slots), series, _label_every(slots))


def _name_hours(hours: Sequence[HourStats]) -> tuple[list[str], list[str]]:
    """Return the labels of hours on an axis, and their names."""
    return [f"{hour.at:%H:%M}" for hour in hours], [name_hour(hour.at) for hour in hours]


def _name_slots(slots: Sequence[Slot]) -> tuple[list[str], list[str]]:
    """Return the labels of slots on an axis, and their names: with the hour where a slot is shorter than a day."""
    by_hour = any(slot.at.hour for slot in slots)
    names = [name_hour(slot.at) if by_hour else format_date_text(slot.at) for slot in slots]
    return [label_day(slot.at) for slot in slots], names


def _label_every(slots: Sequence[Slot]) -> tuple[int, int]:
    return max(1, len(slots) // 7), max(1, len(slots) // 3)
