"""A campaign's hours and days as pictures. The same numbers are in a table beneath them."""

import pygal
from flask_babel import gettext as _

from petition.core.charts import create_chart
from petition.petitions.statistics import CampaignStatistics, TimeBucket


def draw_hourly_chart(found: CampaignStatistics, *, narrow: bool = False) -> bytes:
    """Return the last two days, hour by hour, as SVG."""
    names = [f"{slot.starts_at:%H:%M}" for slot in found.hours]
    return _draw_bars(found.hours, names, _("signatures per hour"), 16 if narrow else 8, narrow)


def draw_daily_chart(found: CampaignStatistics, *, narrow: bool = False) -> bytes:
    """Return the last two months, day by day, as SVG."""
    names = [f"{slot.starts_at:%d.%m.}" for slot in found.days]
    return _draw_bars(found.days, names, _("signatures per day"), 20 if narrow else 10, narrow)


def _draw_bars(slots: list[TimeBucket], names: list[str], title: str, every: int, narrow: bool) -> bytes:
    look = {"x_labels_major_every": every, "legend_at_bottom_columns": 2}
    plot = create_chart(pygal.Bar, narrow=narrow, y_title=title, **look)
    plot.x_labels = names
    plot.add(_("Asked for"), [slot.submitted for slot in slots])
    plot.add(_("Confirmed"), [slot.confirmed for slot in slots])
    svg: bytes = plot.render()
    return svg
