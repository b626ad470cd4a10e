"""Charts: round values on their axes, columns where a page says they are, and each column in words."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pygal
import pytest
from flask_babel import force_locale

from petition.core.charts import Plot, label_day, list_duration_ticks, list_ticks, name_hour
from petition.core.i18n import format_duration

MOMENT = datetime(2026, 9, 1, 14, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
COLUMNS = [f"column {number}" for number in range(24)]
KINDS = (pygal.Bar, pygal.StackedBar, pygal.Line)


def make_plot(kind=pygal.Bar, highest=24, **options):
    values = [highest * (number + 1) / 24 for number in range(24)]
    return Plot(kind, "emails", COLUMNS, COLUMNS, {"sent": values, "failed": values}, **options)


def find_columns(svg, is_line):
    """Return where the middles of bars, or the points of lines, are in a picture."""
    root = ElementTree.fromstring(svg)
    plot = next(node for node in root.iter(f"{SVG}g") if node.get("class") == "plot")
    parent = next(node for node in root.iter() if plot in node)
    offset = float(re.search(r"translate\(([\d.]+)", plot.get("transform") or parent.get("transform"))[1])
    if is_line:
        return [offset + float(node.get("cx")) for node in root.iter(f"{SVG}circle")]
    bars = [
        node for node in root.iter(f"{SVG}rect") if "reactive" in node.get("class", "") and "rect" in node.get("class")
    ]
    return [
        offset + float(node.get("x")) + float(node.get("width")) / 2
        for node in bars
        if "tooltip-trigger" in node.get("class")
    ]


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (1, [0, 1]), (2, [0, 1, 2]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4, 6]), (630, [0, 200, 400, 600, 800]),
        (100_000, [0, 50_000, 100_000]),
    ],
)  # fmt: skip
def test_axes_of_counts_have_round_whole_numbers(highest, ticks):
    assert list_ticks(highest) == ticks


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0.14, ["0.0 s", "0.1 s", "0.2 s"]), (0.79, ["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s"]),
        (216, ["0.0 s", "1 min", "2 min", "3 min", "4 min"]), (5000, ["0.0 s", "30 min", "1 h", "1 h 30 min"]),
        (500_000, ["0.0 s", "2 d", "4 d", "6 d"]),
    ],
)  # fmt: skip
def test_axes_of_durations_read_round_and_no_two_values_alike(app, highest, ticks):
    with force_locale("en"):
        assert [
            format_duration(tick).replace("\N{NO-BREAK SPACE}", " ") for tick in list_duration_ticks(highest)
        ] == ticks


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("highest", [3, 3_000_000])
def test_columns_are_where_the_page_says(app, kind, narrow, highest):
    plot = make_plot(kind, highest)
    width = 390 if narrow else 620
    start, end = (edge * width for edge in plot.edges(narrow))
    found = find_columns(plot.draw(narrow=narrow), plot.is_line)
    assert len(found) == 48
    for number, x in enumerate(found[:24]):
        share = number / 23 if plot.is_line else (number + 0.5) / 24
        assert abs(x - (start + (end - start) * share)) < (end - start) / 24 / 2


@pytest.mark.parametrize(
    ("language", "words", "day"),
    [
        ("en", "1\N{NO-BREAK SPACE}September 2026, 14:00 · sent 12,000 · failed –", "1 Sept"),
        (
            "fr",
            "1er\N{NO-BREAK SPACE}septembre 2026, 14:00 · sent 12\N{NARROW NO-BREAK SPACE}000 · failed –",
            "1 sept.",
        ),
    ],
)  # fmt: skip
def test_a_column_is_said_in_words(app, language, words, day):
    with force_locale(language):
        plot = Plot(pygal.Bar, "emails", ["14:00"], [name_hour(MOMENT)], {"sent": [12_000], "failed": [None]})
        assert plot.read() == [words]
        assert label_day(MOMENT) == day


def test_a_chart_of_nothing_says_so_without_an_axis(app):
    with force_locale("en"):
        svg = make_plot(highest=0).draw().decode()
    assert "Nothing yet" in svg
    assert "emails" not in svg
    assert not re.search(r'class="guides"', svg)


def test_large_numbers_are_short_on_an_axis(app):
    with force_locale("en"):
        assert ">50K<" in make_plot(highest=100_000).draw().decode()
