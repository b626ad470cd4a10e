"""A petition's statistics for everybody: its statistics without any small group of people.

A value that fewer than `MIN_GROUP` gave is counted with the others; where the others are fewer than that too, the
smallest value that is shown joins them, so that nobody can take a sum apart (docs/decisions/0057).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from petition.core.cache import get_or_create
from petition.petitions.counters import Count, get_count
from petition.petitions.models import Petition
from petition.petitions.statistics.campaign import CampaignStatistics, DimensionBreakdown, TimeBucket, get_statistics

MIN_GROUP = 5
CACHE_SECONDS = 30.0  # a chart and its table are of the same moment, or nearly
DIMENSIONS = ("profession", "area", "country", "language")
OTHER, NOT_GIVEN = "(other)", "(not given)"  # in the table for programs


@dataclass(frozen=True)
class Group:
    """The values of a dimension that enough people gave; those of all others, and those without one."""

    rows: list[tuple[str, int]]
    other: int
    not_given: int

    @property
    def total(self) -> int:
        """All signatures that count."""
        return sum(n for _, n in self.rows) + self.other + self.not_given


@dataclass(frozen=True)
class PublicStatistics:
    """Everything that is public about a petition's signatures, at one moment."""

    as_of: datetime
    count: Count
    hours: list[TimeBucket]
    days: list[TimeBucket]
    confirmed_earlier: int  # before the first of the days
    groups: Mapping[str, Group]


def get_public_statistics(petition: Petition) -> PublicStatistics:
    """Return the statistics, from the rolled-up statistics, kept for half a minute."""
    statistics: PublicStatistics = get_or_create(
        ("public statistics", petition.id), lambda: _build(petition), CACHE_SECONDS
    )
    return statistics


def _build(petition: Petition) -> PublicStatistics:
    statistics: CampaignStatistics = get_statistics(petition)
    asked = {"language", *petition.asks} | ({"area"} if "postal_code" in petition.asks else set())
    groups = {
        name: hide_small_groups(statistics.breakdowns[name])
        for name in DIMENSIONS
        if name in asked or statistics.breakdowns[name].rows
    }
    return PublicStatistics(
        as_of=statistics.as_of, count=get_count(petition), hours=statistics.hours, days=statistics.days,
        confirmed_earlier=statistics.confirmed_earlier, groups=groups,
    )  # fmt: skip


def hide_small_groups(breakdown: DimensionBreakdown) -> Group:
    """Return a dimension with no figure from 1 to `MIN_GROUP` - 1, and none that the others give away."""
    shown = sorted((n, label) for label, n in breakdown.rows if n >= MIN_GROUP)
    other = breakdown.others + sum(n for _, n in breakdown.rows if n < MIN_GROUP)
    not_given = breakdown.unknown
    if 0 < not_given < MIN_GROUP:
        other, not_given = other + not_given, 0
    while 0 < other < MIN_GROUP and (shown or not_given):
        if shown:
            other += shown.pop(0)[0]
        else:
            other, not_given = other + not_given, 0
    if 0 < other < MIN_GROUP:
        other = 0  # fewer than that signed at all: their number is public, and says nothing of them
    kept = {label for _, label in shown}
    return Group([row for row in breakdown.rows if row[0] in kept], other, not_given)


def list_rows(statistics: PublicStatistics) -> Iterable[tuple[str, str, str]]:
    """Return the statistics as a table for programs: what is counted, its value, how many confirmed."""
    count = statistics.count
    yield "figure", "value", "confirmed"
    for name in ("confirmed", "people", "organisations", "paper"):
        yield "total", name, str(getattr(count, name))
    yield "day", "before", str(statistics.confirmed_earlier)
    for bucket in statistics.days:
        yield "day", bucket.starts_at.isoformat(), str(bucket.confirmed)
    for bucket in statistics.hours:
        yield "hour", bucket.starts_at.isoformat(), str(bucket.confirmed)
    for name, group in statistics.groups.items():
        for label, n in group.rows:
            yield name, label, str(n)
        for label, n in ((OTHER, group.other), (NOT_GIVEN, group.not_given)):
            if n:
                yield name, label, str(n)
