"""The last day as pictures: what left, and how long it took. The same numbers are in a table beside them."""

from collections.abc import Sequence

import pygal
from flask_babel import gettext as _

from petition.core.charts import create_chart
from petition.core.i18n import format_duration
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations import latency as waits
from petition.operations.queue_stats import HourStats


def draw_throughput(day: Sequence[HourStats], *, narrow: bool = False) -> bytes:
    """Return what left in each hour of a day, by queue, as SVG."""
    plot = create_chart(pygal.StackedBar, narrow=narrow, y_title=_("emails per hour"))
    plot.x_labels = [f"{slot.at:%H:%M}" for slot in day]
    for queue in EMAIL_QUEUES:
        plot.add(queue, [slot.sent[queue] for slot in day])
    svg: bytes = plot.render()
    return svg


def draw_latency(day: Sequence[HourStats], *, narrow: bool = False) -> bytes:
    """Return how long confirmations took in each hour of a day, as SVG."""
    plot = create_chart(pygal.Line, narrow=narrow, y_title=_("seconds"), dots_size=3, value_formatter=format_duration)
    plot.x_labels = [f"{slot.at:%H:%M}" for slot in day]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        plot.add(name, [waits.percentile(slot.latency_counts, share) for slot in day])
    svg: bytes = plot.render()
    return svg
