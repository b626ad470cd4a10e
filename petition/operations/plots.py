"""The last day as pictures: what left, and how long it took. The same numbers are in a table beside them."""

from collections.abc import Sequence

import pygal
from flask_babel import gettext as _
from pygal.style import Style

from petition.core.i18n import seconds_in_words
from petition.delivery.lanes import LANES
from petition.operations import waits
from petition.operations.flow import Slot

# Okabe and Ito's palette: told apart without telling red from green.
COLOURS = ("#0072b2", "#e69f00", "#009e73")
FONT = "system-ui, sans-serif"


def _chart(kind: type, *, narrow: bool, **options: object) -> object:
    size = 15 if narrow else 13
    style = Style(
        background="transparent", plot_background="transparent", colors=COLOURS, font_family=FONT,
        label_font_size=size, major_label_font_size=size, legend_font_size=size, title_font_size=size,
        foreground="#495057", foreground_strong="#212529", foreground_subtle="#dee2e6",
    )  # fmt: skip
    return kind(
        style=style, width=390 if narrow else 620, height=300 if narrow else 260, legend_at_bottom=True, js=[],
        legend_at_bottom_columns=2 if narrow else 3, show_minor_x_labels=False, margin=6, truncate_label=-1,
        x_labels_major_every=8 if narrow else 4, truncate_legend=-1, no_data_text=_("Nothing yet"),
        y_labels_major_count=4, show_minor_y_labels=False, include_x_axis=True, pretty_print=False, **options,
    )  # fmt: skip


def throughput(day: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Return what left in each hour of a day, by lane, as SVG."""
    chart = _chart(pygal.StackedBar, narrow=narrow, y_title=_("emails per hour"))
    chart.x_labels = [f"{slot.at:%H:%M}" for slot in day]  # type: ignore[attr-defined]
    for lane in LANES:
        chart.add(lane, [slot.sent[lane] for slot in day])  # type: ignore[attr-defined]
    svg: bytes = chart.render()  # type: ignore[attr-defined]
    return svg


def latency(day: Sequence[Slot], *, narrow: bool = False) -> bytes:
    """Return how long confirmations took in each hour of a day, as SVG."""
    chart = _chart(pygal.Line, narrow=narrow, y_title=_("seconds"), dots_size=3, value_formatter=seconds_in_words)
    chart.x_labels = [f"{slot.at:%H:%M}" for slot in day]  # type: ignore[attr-defined]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        chart.add(name, [waits.percentile(slot.waits, share) for slot in day])  # type: ignore[attr-defined]
    svg: bytes = chart.render()  # type: ignore[attr-defined]
    return svg
