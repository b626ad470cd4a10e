"""A campaign's statistics, always exact: rolled-up tables plus the changes that triggers logged since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from petition.core.db import db
from petition.petitions.models import Petition
from petition.petitions.professions import find_line, list_suggested
from petition.petitions.queries import (
    DAILY_TOTALS_SQL,
    DELETE_ZERO_STATISTICS_SQL,
    RECENT_HOURS_SQL,
    ROLLUP_SQL,
    TOP_VALUES_SQL,
)
from petition.petitions.statistics.models import HeldPresses

ROLLUP_BATCH_SIZE = 20_000  # rows of the log that one statement rolls up
ROLLUP_ADVISORY_LOCK_ID = 7_226_105
MAX_VALUES_PER_DIMENSION = 20
HISTORY_HOURS = 48
HISTORY_DAYS = 60
DIMENSIONS = ("source", "language", "profession", "city", "area", "country")


@dataclass(frozen=True)
class TimeBucket:
    """An hour, or a day in the petition's time zone: signatures submitted, and signatures confirmed that count."""

    starts_at: datetime | date
    submitted: int
    confirmed: int


@dataclass(frozen=True)
class DimensionBreakdown:
    """The largest values of a dimension; signatures without one, and those of all other values."""

    rows: Sequence[tuple[str, int]]
    unknown: int
    others: int

    @property
    def total(self) -> int:
        """All signatures that count."""
        return sum(n for _, n in self.rows) + self.unknown + self.others


@dataclass(frozen=True)
class CampaignStatistics:
    """All statistics of a campaign at one moment."""

    as_of: datetime
    hours: list[TimeBucket]
    days: list[TimeBucket]
    confirmed_earlier: int  # confirmed before the first of the days
    submitted: int
    mailed: int
    confirmed: int
    counted: int
    held: int  # signatures with a confirmation that looked like a machine's, and was not counted yet
    breakdowns: dict[str, DimensionBreakdown]


def get_statistics(petition: Petition) -> CampaignStatistics:
    """Return a campaign's statistics, in the same time for ten signatures as for millions."""
    now: datetime = db.session.execute(text("SELECT now()")).scalar_one()
    parameters = {"petition": petition.id, "zone": petition.timezone}
    professions = {language: text.professions for language, text in petition.texts.items()}
    by_day = {
        row.day: TimeBucket(row.day, row.submitted, row.counted)
        for row in db.session.execute(DAILY_TOTALS_SQL, parameters | {"since": datetime(1900, 1, 1, tzinfo=UTC)})
    }
    counted = sum(bucket.confirmed for bucket in by_day.values())
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in ("path", *DIMENSIONS)}
    for row in db.session.execute(
        TOP_VALUES_SQL,
        parameters
        | {"dimensions": list(found), "limit": MAX_VALUES_PER_DIMENSION + 1, "suggested": list_suggested(professions)},
    ):
        found[row.dimension].append((row.label, row.n))
    found["profession"] = _join_forms(found["profession"], professions, petition.default_language)
    path = dict(found.pop("path"))
    today = now.astimezone(ZoneInfo(petition.timezone)).date()
    days = _fill_gaps(by_day, [today - timedelta(days=n) for n in range(HISTORY_DAYS)])
    return CampaignStatistics(
        as_of=now,
        hours=_list_recent_hours(parameters, now, ZoneInfo(petition.timezone)),
        days=days,
        confirmed_earlier=sum(
            bucket.confirmed for day, bucket in by_day.items() if day <= today - timedelta(days=HISTORY_DAYS)
        ),
        submitted=path.get("submitted", 0),
        mailed=path.get("mailed", 0),
        confirmed=path.get("confirmed", 0),
        counted=counted,
        held=db.session.scalar(select(HeldPresses.held).where(HeldPresses.petition_id == petition.id)) or 0,
        breakdowns={name: _build_breakdown(rows, counted) for name, rows in found.items()},
    )


def _join_forms(
    rows: Sequence[tuple[str, int]], professions: Mapping[str, Sequence[str]], language: str
) -> list[tuple[str, int]]:
    """Count the forms of a suggested profession together, in whichever language they were chosen; largest first."""
    joined: dict[str, int] = {}
    for label, n in rows:
        line = find_line(professions, label, language) or label
        joined[line] = joined.get(line, 0) + n
    return sorted(joined.items(), key=lambda row: (-row[1], row[0].casefold()))


def _list_recent_hours(parameters: dict[str, Any], now: datetime, zone: ZoneInfo) -> list[TimeBucket]:
    """Return the last hours, shown in the petition's time zone."""
    last = now.replace(minute=0, second=0, microsecond=0)
    moments = [last - timedelta(hours=n) for n in range(HISTORY_HOURS)]
    rows = db.session.execute(RECENT_HOURS_SQL, parameters | {"since": moments[-1]})
    found = _fill_gaps({row.hour: TimeBucket(row.hour, row.submitted, row.counted) for row in rows}, moments)
    return [replace(bucket, starts_at=bucket.starts_at.astimezone(zone)) for bucket in found]  # type: ignore[union-attr]


def _fill_gaps(found: Mapping[Any, TimeBucket], moments: Sequence[Any]) -> list[TimeBucket]:
    """Return a bucket for each moment, oldest first, with zeros where nothing happened."""
    return [found.get(moment) or TimeBucket(moment, 0, 0) for moment in reversed(moments)]


def _build_breakdown(rows: Sequence[tuple[str, int]], counted: int) -> DimensionBreakdown:
    unknown = sum(n for label, n in rows if not label)
    shown = [(label, n) for label, n in rows if label][:MAX_VALUES_PER_DIMENSION]
    return DimensionBreakdown(shown, unknown, max(0, counted - unknown - sum(n for _, n in shown)))


def roll_up_batch() -> int:
    """Roll up one batch of the log, unless another process does; returns the number of log rows. Commits.

    The statistics are the same before and after. The advisory lock lasts until the commit.
    """
    if not db.session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": ROLLUP_ADVISORY_LOCK_ID}):
        db.session.rollback()
        return 0
    rolled_up = int(db.session.scalar(ROLLUP_SQL, {"batch": ROLLUP_BATCH_SIZE}) or 0)
    # A value with no signature left may be personal data of somebody who had their signature erased.
    db.session.execute(DELETE_ZERO_STATISTICS_SQL)
    db.session.commit()
    return rolled_up
