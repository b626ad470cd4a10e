"""A campaign's figures, exact at every moment: small tables, plus what triggers logged and nobody has folded yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from petition.core.db import db
from petition.petitions.models import Petition

ROLLUP_BATCH_SIZE = 20_000  # rows of the log folded by one statement
ROLLUP_ADVISORY_LOCK_ID = 7_226_105
MAX_VALUES_PER_DIMENSION = 20  # values of a dimension
HISTORY_HOURS = 48
HISTORY_DAYS = 60
DIMENSIONS = ("source", "language", "profession", "city", "area", "country")

# What one row of the log changes, as one row for each figure.
LOG_BY_DIMENSION_SQL = """
    CROSS JOIN LATERAL (VALUES
        ('path', 'submitted', submitted), ('path', 'mailed', mailed), ('path', 'confirmed', reached),
        ('source', source, counted), ('language', language, counted), ('profession', profession, counted),
        ('city', city, counted), ('area', area, counted), ('country', country, counted)
    ) AS part (dimension, label, change)
"""
ROLLUP_SQL = text(f"""
    WITH taken AS (
        -- Up to a number, not by joining numbers: when the statistics say that the log is empty, as after each fold,
        -- each row would be looked for in all of them.
        DELETE FROM campaign_log WHERE id <= (
            SELECT max(id) FROM (SELECT id FROM campaign_log ORDER BY id LIMIT :batch) AS oldest) RETURNING *),
    h AS (
        INSERT INTO campaign_hours (petition_id, hour, submitted, counted)
        SELECT petition_id, hour, sum(submitted), sum(counted) FROM taken WHERE hour IS NOT NULL GROUP BY 1, 2
        HAVING sum(submitted) <> 0 OR sum(counted) <> 0
        ON CONFLICT (petition_id, hour) DO UPDATE SET
            submitted = campaign_hours.submitted + excluded.submitted,
            counted = campaign_hours.counted + excluded.counted),
    f AS (
        INSERT INTO campaign_statistics (petition_id, dimension, value, label, n)
        SELECT petition_id, dimension, lower(label), min(label), sum(change) FROM taken {LOG_BY_DIMENSION_SQL}
        WHERE label IS NOT NULL AND change <> 0 GROUP BY 1, 2, 3 HAVING sum(change) <> 0
        ON CONFLICT (petition_id, dimension, value) DO UPDATE SET n = campaign_statistics.n + excluded.n)
    SELECT count(*) FROM taken
""")  # noqa: S608 - PARTS is above
DELETE_ZERO_STATISTICS_SQL = text("DELETE FROM campaign_statistics WHERE n = 0")

HOURLY_TOTALS_SQL = """
    SELECT hour, sum(submitted)::bigint AS submitted, sum(counted)::bigint AS counted FROM (
        SELECT hour, submitted, counted FROM campaign_hours WHERE petition_id = :petition
        UNION ALL
        SELECT hour, submitted, counted FROM campaign_log WHERE petition_id = :petition AND hour IS NOT NULL) AS both_
    WHERE hour >= :since GROUP BY 1
"""
RECENT_HOURS_SQL = text(HOURLY_TOTALS_SQL)
DAILY_TOTALS_SQL = text(f"""
    SELECT (hour AT TIME ZONE :zone)::date AS day, sum(submitted)::bigint AS submitted, sum(counted)::bigint AS counted
    FROM ({HOURLY_TOTALS_SQL}) AS hours GROUP BY 1
""")  # noqa: S608 - HOURLY is above
# The largest of what is folded, by the index, and whatever the log speaks of: of both, the sums.
TOP_VALUES_SQL = text(f"""
    WITH logged AS (
        SELECT dimension, lower(label) AS value, label, change FROM campaign_log {LOG_BY_DIMENSION_SQL}
        WHERE petition_id = :petition AND label IS NOT NULL AND change <> 0),
    candidates AS (
        SELECT d.dimension, top.value FROM unnest(CAST(:dimensions AS varchar[])) AS d (dimension)
        CROSS JOIN LATERAL (
            SELECT value FROM campaign_statistics f WHERE f.petition_id = :petition AND f.dimension = d.dimension
            ORDER BY n DESC, value LIMIT :limit) AS top
        UNION SELECT dimension, value FROM logged)
    SELECT dimension, value, min(label) AS label, sum(n)::bigint AS n FROM (
        -- OFFSET 0 keeps this a look-up of each candidate by the key, where a join would read the whole table.
        SELECT c.dimension, c.value, folded.label, folded.n FROM candidates c CROSS JOIN LATERAL (
            SELECT label, n FROM campaign_statistics f
            WHERE f.petition_id = :petition AND f.dimension = c.dimension AND f.value = c.value OFFSET 0) AS folded
        UNION ALL SELECT dimension, value, label, change FROM logged) AS found
    GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 4 DESC, 2
""")  # noqa: S608 - PARTS is above


@dataclass(frozen=True)
class TimeBucket:
    """An hour, or a day where the petition is: signatures asked for in it, and those that count confirmed in it."""

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
    """What there is to know of a campaign, as of a moment."""

    starts_at: datetime
    hours: list[TimeBucket]
    days: list[TimeBucket]
    confirmed_earlier: int  # confirmed before the first of the days
    submitted: int
    mailed: int
    confirmed: int
    counted: int
    breakdowns: dict[str, DimensionBreakdown]


def get_statistics(petition: Petition) -> CampaignStatistics:
    """Return a campaign's figures; they cost the same whether it has ten signatures or millions."""
    now: datetime = db.session.execute(text("SELECT now()")).scalar_one()
    values = {"petition": petition.id, "zone": petition.timezone}
    by_day = {
        row.day: TimeBucket(row.day, row.submitted, row.counted)
        for row in db.session.execute(DAILY_TOTALS_SQL, values | {"since": datetime(1900, 1, 1, tzinfo=UTC)})
    }
    counted = sum(slot.confirmed for slot in by_day.values())
    found: dict[str, list[tuple[str, int]]] = {name: [] for name in ("path", *DIMENSIONS)}
    for row in db.session.execute(
        TOP_VALUES_SQL, values | {"dimensions": list(found), "limit": MAX_VALUES_PER_DIMENSION + 1}
    ):
        found[row.dimension].append((row.label, row.n))
    path = dict(found.pop("path"))
    today = now.astimezone(ZoneInfo(petition.timezone)).date()
    days = _fill_gaps(by_day, [today - timedelta(days=n) for n in range(HISTORY_DAYS)])
    return CampaignStatistics(
        starts_at=now,
        hours=_list_recent_hours(values, now),
        days=days,
        confirmed_earlier=sum(
            slot.confirmed for day, slot in by_day.items() if day <= today - timedelta(days=HISTORY_DAYS)
        ),
        submitted=path.get("submitted", 0),
        mailed=path.get("mailed", 0),
        confirmed=path.get("confirmed", 0),
        counted=counted,
        breakdowns={name: _build_breakdown(rows, counted) for name, rows in found.items()},
    )


def _list_recent_hours(values: dict[str, Any], now: datetime) -> list[TimeBucket]:
    last = now.replace(minute=0, second=0, microsecond=0)
    moments = [last - timedelta(hours=n) for n in range(HISTORY_HOURS)]
    rows = db.session.execute(RECENT_HOURS_SQL, values | {"since": moments[-1]})
    return _fill_gaps({row.hour: TimeBucket(row.hour, row.submitted, row.counted) for row in rows}, moments)


def _fill_gaps(found: Mapping[Any, TimeBucket], moments: Sequence[Any]) -> list[TimeBucket]:
    """Return a slot for each moment, oldest first, also where nothing happened."""
    return [found.get(moment) or TimeBucket(moment, 0, 0) for moment in reversed(moments)]


def _build_breakdown(rows: Sequence[tuple[str, int]], counted: int) -> DimensionBreakdown:
    unknown = sum(n for label, n in rows if not label)
    shown = [(label, n) for label, n in rows if label][:MAX_VALUES_PER_DIMENSION]
    return DimensionBreakdown(shown, unknown, max(0, counted - unknown - sum(n for _, n in shown)))


def roll_up_batch() -> int:
    """Fold one batch of the log, unless another process is at it; returns how many rows of the log that was.

    The figures are the same before and after. Commits, as the lock that keeps others out lasts as long.
    """
    if not db.session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": ROLLUP_ADVISORY_LOCK_ID}):
        db.session.rollback()
        return 0
    folded = int(db.session.scalar(ROLLUP_SQL, {"batch": ROLLUP_BATCH_SIZE}) or 0)
    # A value that nobody has any more may be all that is left of somebody who had their signature erased.
    db.session.execute(DELETE_ZERO_STATISTICS_SQL)
    db.session.commit()
    return folded
