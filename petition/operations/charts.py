"""Charts as SVG: emails sent and latency of confirmations in the last day, and their history over months."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from flask_babel import gettext as _

from petition.core.charts import create_chart
from petition.core.i18n import format_duration
from petition.delivery.models import DeliveryState
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations import latency
from petition.operations.history import Slot
from petition.operations.labels import state_label
from petition.operations.queue_stats import HourStats

MAX_PROVIDERS_DRAWN = 3  # as many as the palette tells apart


def draw_throughput(hours: Sequence[HourStats], *, narrow: bool = False) -> bytes:
    """Draw the emails sent in each hour, by queue."""
    chart = create_chart(pygal.StackedBar, narrow=narrow, y_title=_("emails per hour"))
    chart.x_labels = [f"{hour.at:%H:%M}" for hour in hours]
    for queue in EMAIL_QUEUES:
        chart.add(queue, [hour.sent[queue] for hour in hours])
    svg: bytes = chart.render()
    return svg


def draw_latency(hours: Sequence[HourStats], *, narrow: bool = False) -> bytes:
    """Draw the latency percentiles of confirmations in each hour."""
    chart = create_chart(pygal.Line, narrow=narrow, y_title=_("seconds"), dots_size=3, value_formatter=format_duration)
    chart.x_labels = [f"{hour.at:%H:%M}" for hour in hours]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        chart.add(name, [latency.percentile(hour.latency_counts, share) for hour in hours])
    svg: bytes = chart.render()
    return svg


def draw_volume(slots: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Draw the emails sent in each slot of time, by queue."""
    return _draw_slots(slots, {queue: [slot.sent[queue] for slot in slots] for queue in EMAIL_QUEUES}, narrow)


def draw_outcomes(slots: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Draw the emails that failed, or were put off, in each slot of time."""
    states = (DeliveryState.FAILED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN)
    return _draw_slots(slots, {state_label(state): [slot.count(state) for slot in slots] for state in states}, narrow)


def draw_rejections(slots: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Draw the emails that failed, or were put off, in each slot of time: of the providers with the most, of others."""
    totals: Counter[str] = Counter()
    for slot in slots:
        totals.update(slot.rejections)
    names = [name for name, _n in totals.most_common(MAX_PROVIDERS_DRAWN - 1)]
    series = {name: [slot.rejections.get(name, 0) for slot in slots] for name in names}
    if len(totals) > len(names):
        rest = [sum(n for name, n in slot.rejections.items() if name not in names) for slot in slots]
        series[_("all others")] = rest
    return _draw_slots(slots, series, narrow)


def draw_webhooks(slots: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Draw the attempts to send events to other programs in each slot of time, by outcome."""
    states = (DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED)
    series = {state_label(state): [slot.webhooks.get(state, 0) for slot in slots] for state in states}
    return _draw_slots(slots, series, narrow, _("attempts"))


def draw_waits(slots: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Draw the median and the p95 of the latency of confirmations in each slot of time."""
    chart = create_chart(pygal.Line, narrow=narrow, y_title=_("seconds"), dots_size=2, value_formatter=format_duration)
    _label_slots(chart, slots, narrow, 2)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        chart.add(name, [slot.percentile(share) for slot in slots])
    svg: bytes = chart.render()
    return svg


def _draw_slots(
    slots: Sequence[Slot], series: Mapping[str, Sequence[int]], narrow: bool, what: str | None = None
) -> bytes:
    chart = create_chart(pygal.StackedBar, narrow=narrow, y_title=what or _("emails"))
    _label_slots(chart, slots, narrow, len(series))
    for name, values in series.items() if any(map(any, series.values())) else ():
        chart.add(name, values)
    svg: bytes = chart.render()
    return svg


def _label_slots(chart: Any, slots: Sequence[Slot], narrow: bool, series: int) -> None:
    if not narrow:  # with more columns than series, the legend is drawn below the picture
        chart.config.legend_at_bottom_columns = max(1, min(MAX_PROVIDERS_DRAWN, series))
    chart.x_labels = [f"{slot.at:%d/%m}" for slot in slots]
    chart.config.x_labels_major_every = max(1, len(slots) // (4 if narrow else 7))
