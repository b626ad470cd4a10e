"""The last day as pictures: what left, and how long it took. The same numbers are in a table beside them."""

from collections.abc import Sequence

import pygal
from flask_babel import gettext as _

from petition.core.i18n import seconds_in_words
from petition.delivery.lanes import LANES
from petition.operations import waits
from petition.operations.flow import Slot
from petition.team.charts import chart


def throughput(day: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Return what left in each hour of a day, by lane, as SVG."""
    plot = chart(pygal.StackedBar, narrow=narrow, y_title=_("emails per hour"))
    plot.x_labels = [f"{slot.at:%H:%M}" for slot in day]
    for lane in LANES:
        plot.add(lane, [slot.sent[lane] for slot in day])
    svg: bytes = plot.render()
    return svg


def latency(day: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Return how long confirmations took in each hour of a day, as SVG."""
    plot = chart(pygal.Line, narrow=narrow, y_title=_("seconds"), dots_size=3, value_formatter=seconds_in_words)
    plot.x_labels = [f"{slot.at:%H:%M}" for slot in day]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        plot.add(name, [waits.percentile(slot.waits, share) for slot in day])
    svg: bytes = plot.render()
    return svg
