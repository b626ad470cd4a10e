"""The results of docs/performance as pictures: what is reached, how far runs lie apart, and how long answers take."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import LightStyle

YES, NO, SHARES = "#2f6f4f", "#b3261e", ("p50", "p95", "p99")
MAX_BAR = 2.5  # times what must be reached; a bar ends there
TICKS = (0, 0.5, 1, 1.5, 2, 2.5)
STYLE = LightStyle(
    background="#ffffff", plot_background="#ffffff", font_family="sans-serif", opacity="1", opacity_hover="1",
    value_colors=("#ffffff",) * 3, value_font_size=13, label_font_size=13, major_label_font_size=13, title_font_size=17,
    legend_font_size=13, colors=("#7aa58d", "#2f6f4f", "#123524"),
)  # fmt: skip


def draw(results: dict[str, dict], reached: Callable[[str, dict], float], folder: Path) -> None:
    """Draw three plots, the worst claim on top of each; `reached` says how far a claim is, 1 being there."""
    names = sorted(results, key=lambda name: reached(name, results[name]), reverse=True)
    _reached(names, [reached(name, results[name]) for name in names], folder / "reached.svg")
    _spread([name for name in names if "ratios" in results[name]], results, reached, folder / "spread.svg")
    waits = {name: results[name].get("ours", results[name]) for name in names if "Flask-SQLAlchemy" not in name}
    _waits({name: found for name, found in waits.items() if set(SHARES) <= set(found)}, folder / "waits.svg")


def _chart(kind: type, title: str, lines: int, **options: Any) -> Any:
    return kind(title=title, style=STYLE, js=[], width=900, height=110 + 26 * lines, **options)


def _reached(names: Sequence[str], ways: Sequence[float], path: Path) -> None:
    chart = _chart(
        pygal.HorizontalBar, "What must be reached is 1; 2.5 stands for more", len(names), show_legend=False,
        print_values=True, formatter=lambda value: f"{value:.2f}", range=(0, MAX_BAR), y_labels=TICKS,
        y_labels_major=(1,),
    )  # fmt: skip
    chart.x_labels = names
    chart.add("", [{"value": min(way, MAX_BAR), "color": YES if way >= 1 else NO} for way in ways])
    chart.render_to_file(str(path))


def _spread(names: Sequence[str], results: dict, reached: Callable[[str, dict], float], path: Path) -> None:
    """Draw a dot for each pair of runs."""
    chart = _chart(pygal.XY, "Each pair of runs: 1 is what must be reached", len(names), stroke=False,
                   show_legend=False, dots_size=5, x_labels=TICKS, xrange=(0, MAX_BAR), show_x_guides=True,
                   show_y_guides=False, y_labels_major_every=100, x_labels_major=(1,))  # fmt: skip
    chart.y_labels = [{"label": name, "value": place} for place, name in enumerate(names)]
    dots = [
        {"value": (min(way, MAX_BAR), place), "color": YES if way >= 1 else NO}
        for place, name in enumerate(names)
        for way in (reached(name, {"ratio": pair}) for pair in results[name]["ratios"])
    ]
    chart.add("", dots)
    chart.render_to_file(str(path))


def _waits(found: dict[str, dict], path: Path) -> None:
    chart = _chart(pygal.HorizontalBar, "How long an answer takes under that load, ms", 2 * len(found),
                   logarithmic=True, zero=1, range=(1, 500), y_labels=(1, 2, 5, 10, 20, 50, 100, 200, 500),
                   y_labels_major=(10, 100), legend_at_bottom=True, legend_at_bottom_columns=3)  # fmt: skip
    chart.x_labels = list(found)
    for share in SHARES:
        chart.add(share, [1000 * each[share] for each in found.values()])
    chart.render_to_file(str(path))
