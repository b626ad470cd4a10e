"""Charts of a campaign's signatures by hour and by day, for the team and for everybody.

Pages show the same numbers in a table.
"""

from typing import Any

import pygal
from flask_babel import gettext as _

from petition.core.charts import create_chart
from petition.petitions.public_statistics import PublicStatistics
from petition.petitions.statistics import CampaignStatistics, TimeBucket


def draw_hourly_chart(statistics: CampaignStatistics, *, narrow: bool = False) -> bytes:
    """Return the last two days, hour by hour, as SVG."""
    names = [f"{bucket.starts_at:%H:%M}" for bucket in statistics.hours]
    return _draw_bars(statistics.hours, names, _("signatures per hour"), 16 if narrow else 8, narrow)


def draw_daily_chart(statistics: CampaignStatistics, *, narrow: bool = False) -> bytes:
    """Return the last two months, day by day, as SVG."""
    names = [f"{bucket.starts_at:%d.%m.}" for bucket in statistics.days]
    return _draw_bars(statistics.days, names, _("signatures per day"), 20 if narrow else 10, narrow)


def draw_public_hours(statistics: PublicStatistics, *, narrow: bool = False, dark: bool = False) -> bytes:
    """Return what was confirmed in the last two days, hour by hour, as SVG."""
    names = [f"{bucket.starts_at:%H:%M}" for bucket in statistics.hours]
    title, every = _("signatures per hour"), 16 if narrow else 8
    return _draw_confirmed(statistics.hours, names, title, every, narrow=narrow, dark=dark)


def draw_public_days(statistics: PublicStatistics, *, narrow: bool = False, dark: bool = False) -> bytes:
    """Return what was confirmed in the last two months, day by day, as SVG."""
    names = [f"{bucket.starts_at:%d.%m.}" for bucket in statistics.days]
    title, every = _("signatures per day"), 20 if narrow else 10
    return _draw_confirmed(statistics.days, names, title, every, narrow=narrow, dark=dark)


def _draw_confirmed(
    buckets: list[TimeBucket], names: list[str], title: str, every: int, *, narrow: bool, dark: bool
) -> bytes:
    chart = create_chart(
        pygal.Bar, narrow=narrow, dark=dark, y_title=title, x_labels_major_every=every, show_legend=False
    )
    chart.x_labels = names
    chart.add(_("Confirmed"), [bucket.confirmed for bucket in buckets])
    svg: bytes = chart.render()
    return svg


def _draw_bars(buckets: list[TimeBucket], names: list[str], title: str, every: int, narrow: bool) -> bytes:
    options: Any = {"x_labels_major_every": every, "legend_at_bottom_columns": 2}
    chart = create_chart(pygal.Bar, narrow=narrow, y_title=title, **options)
    chart.x_labels = names
    chart.add(_("Submitted"), [bucket.submitted for bucket in buckets])
    chart.add(_("Confirmed"), [bucket.confirmed for bucket in buckets])
    svg: bytes = chart.render()
    return svg
