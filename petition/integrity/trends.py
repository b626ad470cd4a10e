"""The domains and networks that most signatures of two days come from, hour by hour, as numbers and as a plot."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pygal
from flask_babel import gettext as _

from petition.core import clock
from petition.core.charts import create_chart
from petition.core.db import db
from petition.integrity import queries

MAX_ROWS = 50_000  # newest signatures
MAX_GROUPS = 6
MAX_PLOTTED = 3  # as many as the palette has colours
HOURS = 48
NAMES = ("domains", "networks")
HASH_CHARACTERS = 8
HEIGHT = 340  # pixels of a plot


@dataclass
class Trend:
    """Signatures by hour, oldest first, of each of the groups that most came from."""

    hours: list[datetime]
    groups: dict[str, list[int]]


def read_trend(petition_id: int, name: str, now: datetime | None = None) -> Trend:
    """Return the trend of domains or of networks. A network is shown by the beginning of its keyed hash."""
    now = now or clock.now()
    values = {
        "petition_id": petition_id, "by_network": name == "networks", "now": now, "max_rows": MAX_ROWS,
        "max_groups": MAX_GROUPS, "without": [""],
    }  # fmt: skip
    rows = db.session.execute(queries.TRENDING, values).all()
    last = now.replace(minute=0, second=0, microsecond=0)
    hours = [last - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    groups: dict[str, list[int]] = {}
    for row in rows:
        label = row.key[:HASH_CHARACTERS] if name == "networks" else row.key
        counts = groups.setdefault(label, [0] * HOURS)
        if row.hour in hours:
            counts[hours.index(row.hour)] += row.n
    return Trend(hours, groups)


def draw_trend(trend: Trend, *, narrow: bool) -> bytes:
    """Return a trend as SVG."""
    chart = create_chart(
        pygal.StackedBar, narrow=narrow, y_title=_("signatures per hour"), x_labels_major_every=16 if narrow else 8,
        height=HEIGHT, legend_at_bottom_columns=1,  # domains are long, and pygal leaves no room for half a line
    )  # fmt: skip
    chart.x_labels = [f"{hour:%H:%M}" for hour in trend.hours]
    for name, counts in list(trend.groups.items())[:MAX_PLOTTED]:
        chart.add(name, counts)
    svg: bytes = chart.render()
    return svg
