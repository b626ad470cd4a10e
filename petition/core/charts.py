"""Charts: what one shows, its picture (pygal SVG, legible beside a table and on a phone), and its values as text.

The palette is Okabe and Ito's, which does not depend on telling red from green.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from math import ceil, floor, log10
from typing import Any

import pygal
from babel.dates import format_skeleton
from babel.numbers import format_compact_decimal
from flask import Response, current_app
from flask_babel import format_decimal
from flask_babel import gettext as _
from pygal.style import Style

from petition.core.i18n import current_language, format_date_text, format_duration
from petition.core.languages.languages import regional_locale

PALETTE = ("#0072b2", "#e69f00", "#009e73")
PALETTE_ON_DARK = ("#56b4e9", "#e69f00", "#009e73")
FONT_FAMILY = "system-ui, sans-serif"
# Of text, strong text and lines.
INKS = {"light": ("#495057", "#212529", "#dee2e6"), "dark": ("#aaa59a", "#e9e5dc", "#383b3c")}
# Width, height, and the margins left and right of the columns: fixed, so that a page knows where each column is.
WIDE, NARROW = (620, 260, 84, 10), (390, 340, 96, 10)
INNER_MARGIN = 0.02  # pygal's, on both sides of the columns, as a share of them
MIN_COMPACT = 10_000  # from here on, an axis says "10K"
MAX_TICKS = 4
DAY_SECONDS = 86_400
DURATION_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200)


@dataclass(frozen=True)
class Plot:
    """What a chart shows: values by column of each series. `labels` are on the axis, `columns` name them in full."""

    kind: type
    unit: str | None  # None where each value says its own
    labels: Sequence[str]
    columns: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    major_every: tuple[int, int] = (4, 8)  # of the labels, those that are drawn: wide, narrow
    in_seconds: bool = False  # values are durations; else whole numbers
    long_names: bool = False  # of series: one a line beneath the picture, which is higher for it

    @property
    def is_line(self) -> bool:
        """Return whether columns are points from edge to edge."""
        return issubclass(self.kind, pygal.Line)

    def draw(self, *, narrow: bool = False, dark: bool = False) -> bytes:
        """Return the chart as SVG, for a page of 390 pixels or a wider one, light or dark."""
        columns = zip(*([value or 0 for value in values] for values in self.series.values()), strict=True)
        highest = max((sum(one) if issubclass(self.kind, pygal.StackedBar) else max(one) for one in columns), default=0)
        size = 15 if narrow else 13
        width, _height, left, right = NARROW if narrow else WIDE
        options: dict[str, Any] = {
            "width": width, "height": self.height(narrow), "js": [], "margin": 6, "pretty_print": False,
            "y_title": self.unit if highest else None, "x_labels_major_every": self.major_every[narrow],
            "show_minor_x_labels": False, "include_x_axis": True,
            "show_legend": len(self.series) > 1, "legend_at_bottom": True, "truncate_legend": -1, "truncate_label": -1,
            "legend_at_bottom_columns": 1 if narrow or self.long_names else max(1, min(len(PALETTE), len(self.series))),
            "value_formatter": self._format_tick, "show_y_labels": highest > 0, "no_data_text": _("Nothing yet"),
            "dots_size": 3 if len(self.columns) < 40 else 2,
        }  # fmt: skip
        chart = _with_margins(self.kind, left, right)(style=_make_style(size, dark=dark), **options)
        chart.x_labels = self.labels
        if highest:
            chart.y_labels = list_duration_ticks(highest) if self.in_seconds else list_ticks(highest)
            for name, values in self.series.items():
                chart.add(name, values)
        svg: bytes = chart.render()
        return svg

    def _format_tick(self, value: float) -> str:
        if not self.in_seconds and value >= MIN_COMPACT:
            locale = regional_locale(current_language())
            return str(format_compact_decimal(value, locale=locale, fraction_digits=1))
        return self._format_value(value)

    def _format_value(self, value: float) -> str:
        return format_duration(value) if self.in_seconds else str(format_decimal(value))

    def read(self) -> list[str]:
        """Return each column in words: "27 November 2026 · Submitted 12 · Confirmed 10"."""
        formatted = {
            name: ["–" if value is None else self._format_value(value) for value in values]
            for name, values in self.series.items()
        }
        return [
            " · ".join([column, *(f"{name} {values[number]}" for name, values in formatted.items())])
            for number, column in enumerate(self.columns)
        ]

    def height(self, narrow: bool = False) -> int:
        """Return the height of the picture, in pixels."""
        return (NARROW if narrow or self.long_names else WIDE)[1]

    def edges(self, narrow: bool = False) -> list[float]:
        """Return where columns begin and end in the picture, as shares of its width."""
        width, _height, left, right = NARROW if narrow else WIDE
        inner = (width - left - right) * INNER_MARGIN / (1 + 2 * INNER_MARGIN)
        return [round((left + inner) / width, 4), round((width - right - inner) / width, 4)]


def list_ticks(highest: float) -> list[float]:
    """Return evenly spaced round numbers, from 0 to the first that is not below the highest: five at most."""
    wanted = highest / MAX_TICKS
    magnitude = 10.0 ** floor(log10(wanted))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= wanted * 0.999)
    return _list_multiples(max(1, round(step)), highest)


def list_duration_ticks(highest: float) -> list[float]:
    """Return the same of seconds: such that each reads round, and that no two read alike."""
    wanted = highest / MAX_TICKS * 0.999
    return _list_multiples(
        next((step for step in DURATION_STEPS if step >= wanted), ceil(wanted / DAY_SECONDS) * DAY_SECONDS), highest
    )


def _list_multiples(step: float, highest: float) -> list[float]:
    return [round(step * number, 9) for number in range(ceil(highest / step - 1e-9) + 1)]


def name_hour(moment: datetime) -> str:
    """Return the full name of an hour, in the time zone that it comes in: "28 September 2026, 14:00"."""
    return f"{format_date_text(moment)}, {moment:%H:%M}"


def label_day(day: date) -> str:
    """Return a day as an axis says it, in the current language: "28 Sept"."""
    return str(format_skeleton("MMMd", day, locale=regional_locale(current_language())))


@lru_cache
def _with_margins(kind: type, left: int, right: int) -> type:
    """Return a kind of chart whose columns begin and end where `Plot.edges` says, however long its labels are."""

    def compute_margin(self: Any) -> None:
        kind._compute_margin(self)  # type: ignore[attr-defined]
        self.margin_box.left, self.margin_box.right = left, right

    return type(kind.__name__, (kind,), {"_compute_margin": compute_margin})


def _make_style(size: int, *, dark: bool) -> Style:
    ink, strong, line = INKS["dark" if dark else "light"]
    return Style(
        background="transparent", plot_background="transparent", colors=PALETTE_ON_DARK if dark else PALETTE,
        font_family=FONT_FAMILY,
        label_font_size=size, major_label_font_size=size, legend_font_size=size, title_font_size=size,
        no_data_font_size=size + 3,
        foreground=ink, foreground_strong=strong, foreground_subtle=line,
        guide_stroke_color=line, major_guide_stroke_color=line,
        guide_stroke_dasharray="none", major_guide_stroke_dasharray="none",
    )  # fmt: skip


def svg_response(svg: bytes, max_age_seconds: int) -> Response:
    """Return a chart as a response that a browser may cache."""
    response = current_app.response_class(svg, mimetype="image/svg+xml")
    # pygal writes its styles into the image.
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["Cache-Control"] = f"private, max-age={max_age_seconds}"
    return response
