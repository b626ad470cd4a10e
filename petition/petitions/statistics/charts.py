"""Charts of a campaign's signatures by hour and by day, for the team and for everybody.

Pages show the same numbers in a table.
"""

from collections.abc import Sequence
from datetime import datetime

import pygal
from flask_babel import gettext as _

from petition.core.charts import Plot, label_day, name_hour
from petition.core.i18n import format_date_text
from petition.petitions.statistics.campaign import CampaignStatistics, TimeBucket
from petition.petitions.statistics.public import PublicStatistics


def plot_hours(statistics: CampaignStatistics) -> Plot:
    """Return the last two days, hour by hour: submitted and confirmed."""
    return _plot_hours(statistics.hours, _with_submitted(statistics.hours))


def plot_days(statistics: CampaignStatistics) -> Plot:
    """Return the last two months, day by day: submitted and confirmed."""
    return _plot_days(statistics.days, _with_submitted(statistics.days))


def plot_public_hours(statistics: PublicStatistics) -> Plot:
    """Return what was confirmed in the last two days, hour by hour."""
    return _plot_hours(statistics.hours, _confirmed(statistics.hours))


def plot_public_days(statistics: PublicStatistics) -> Plot:
    """Return what was confirmed in the last two months, day by day."""
    return _plot_days(statistics.days, _confirmed(statistics.days))


def _confirmed(buckets: Sequence[TimeBucket]) -> dict[str, list[int]]:
    return {_("Confirmed"): [bucket.confirmed for bucket in buckets]}


def _with_submitted(buckets: Sequence[TimeBucket]) -> dict[str, list[int]]:
    return {_("Submitted"): [bucket.submitted for bucket in buckets], **_confirmed(buckets)}


def _plot_hours(buckets: Sequence[TimeBucket], series: dict[str, list[int]]) -> Plot:
    names = [f"{bucket.starts_at:%H:%M}" for bucket in buckets]
    columns = [name_hour(bucket.starts_at) for bucket in buckets if isinstance(bucket.starts_at, datetime)]
    return Plot(pygal.Bar, _("signatures per hour"), names, columns, series, (8, 12))


def _plot_days(buckets: Sequence[TimeBucket], series: dict[str, list[int]]) -> Plot:
    names = [label_day(bucket.starts_at) for bucket in buckets]
    columns = [format_date_text(bucket.starts_at) for bucket in buckets]
    return Plot(pygal.Bar, _("signatures per day"), names, columns, series, (10, 20))
