"""The domains and networks that most signatures of two days come from, hour by hour, as numbers and as a plot."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pygal
from flask_babel import gettext as _

from petition.core import clock
from petition.core.charts import Plot, name_hour
from petition.core.db import db
from petition.integrity import queries

MAX_ROWS = 50_000  # newest signatures
MAX_GROUPS = 6
MAX_PLOTTED = 3  # as many as the palette has colours
TREND_HOURS = 48
NAMES = ("domains", "networks")
HASH_CHARACTERS = 8


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
    hours = [last - timedelta(hours=back) for back in range(TREND_HOURS - 1, -1, -1)]
    groups: dict[str, list[int]] = {}
    for row in rows:
        label = row.key[:HASH_CHARACTERS] if name == "networks" else row.key
        counts = groups.setdefault(label, [0] * TREND_HOURS)
        if row.hour in hours:
            counts[hours.index(row.hour)] += row.n
    return Trend(hours, groups)


def plot_trend(trend: Trend) -> Plot:
    """Return the chart of a trend, in UTC."""
    names = [f"{hour:%H:%M}" for hour in trend.hours]
    columns = [name_hour(hour) for hour in trend.hours]
    series = dict(list(trend.groups.items())[:MAX_PLOTTED])
    return Plot(pygal.StackedBar, _("signatures per hour"), names, columns, series, (8, 12), long_names=True)
