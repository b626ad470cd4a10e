"""Charts of the last day as SVG: emails sent per hour, and latency of confirmations."""

from collections.abc import Sequence

import pygal
from flask_babel import gettext as _

from petition.core.charts import create_chart
from petition.core.i18n import format_duration
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations import latency
from petition.operations.queue_stats import HourStats


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
