"""Queries of petitions, and the SQL of their counters and statistics."""

from collections.abc import Iterable

from sqlalchemy import select, text

from petition.core.cache import get_or_create
from petition.core.db import db, read_detached
from petition.core.exceptions import NotFound
from petition.petitions.field_parsers import SLUG_PATTERN
from petition.petitions.models import Petition, PetitionState

# Add to one counter of one slot.
INCREMENT_SQL = {
    "person": text("""
        INSERT INTO petition_counts AS counts (petition_id, slot, people) VALUES (:petition_id, :slot, :by)
        ON CONFLICT (petition_id, slot) DO UPDATE SET people = counts.people + :by
    """),
    "organisation": text("""
        INSERT INTO petition_counts AS counts (petition_id, slot, organisations) VALUES (:petition_id, :slot, :by)
        ON CONFLICT (petition_id, slot) DO UPDATE SET organisations = counts.organisations + :by
    """),
    "paper": text("""
        INSERT INTO petition_counts AS counts (petition_id, slot, paper) VALUES (:petition_id, :slot, :by)
        ON CONFLICT (petition_id, slot) DO UPDATE SET paper = counts.paper + :by
    """),
}

# Add to the counters of many slots, in the order of the arrays.
INCREMENT_MANY_SQL = text("""
    INSERT INTO petition_counts AS counts (petition_id, slot, people, organisations)
    SELECT * FROM unnest(
        CAST(:petition_ids AS bigint[]), CAST(:slots AS smallint[]), CAST(:people AS int[]),
        CAST(:organisations AS int[]))
    ON CONFLICT (petition_id, slot) DO UPDATE SET
        people = counts.people + excluded.people,
        organisations = counts.organisations + excluded.organisations
""")

COUNTS_SQL = text("""
    SELECT petition_id, sum(people)::int AS people, sum(organisations)::int AS organisations, sum(paper)::int AS paper
    FROM petition_counts WHERE petition_id = ANY(:petition_ids) GROUP BY petition_id
""")

# Move the oldest rows of the log into the statistics by hour and by dimension. Returns how many rows that was.
ROLLUP_SQL = text("""
    WITH taken AS (
        -- By the highest id, not by a join on ids: the planner believes the log empty, as it is after each roll-up, and
        -- would search the list of ids once per row.
        DELETE FROM campaign_log
        WHERE id <= (SELECT max(id) FROM (SELECT id FROM campaign_log ORDER BY id LIMIT :batch) AS oldest)
        RETURNING *
    ), hours AS (
        INSERT INTO campaign_hours (petition_id, hour, submitted, counted)
        SELECT petition_id, hour, sum(submitted), sum(counted) FROM taken WHERE hour IS NOT NULL
        GROUP BY petition_id, hour HAVING sum(submitted) <> 0 OR sum(counted) <> 0
        ON CONFLICT (petition_id, hour) DO UPDATE SET
            submitted = campaign_hours.submitted + excluded.submitted,
            counted = campaign_hours.counted + excluded.counted
    ), statistics AS (
        INSERT INTO campaign_statistics (petition_id, dimension, value, label, n)
        SELECT petition_id, dimension, lower(label), min(label), sum(change) FROM taken
        CROSS JOIN LATERAL (VALUES
            ('path', 'submitted', submitted), ('path', 'mailed', mailed), ('path', 'confirmed', reached),
            ('source', source, counted), ('language', language, counted), ('profession', profession, counted),
            ('city', city, counted), ('area', area, counted), ('country', country, counted),
            ('list', 'people', listed)
        ) AS changes (dimension, label, change)
        WHERE label IS NOT NULL AND change <> 0
        GROUP BY petition_id, dimension, lower(label) HAVING sum(change) <> 0
        ON CONFLICT (petition_id, dimension, value) DO UPDATE SET n = campaign_statistics.n + excluded.n
    )
    SELECT count(*) FROM taken
""")

# How many people a petition's public list has, rolled up or still in the log.
LISTED_PEOPLE_SQL = text("""
    SELECT (
        (SELECT coalesce(sum(n), 0) FROM campaign_statistics
         WHERE petition_id = :petition AND dimension = 'list' AND value = 'people')
        + (SELECT coalesce(sum(listed), 0) FROM campaign_log WHERE petition_id = :petition)
    )::int AS people
""")

COPY_IMAGES_SQL = text("""
    INSERT INTO petition_images (petition_id, name, alt, content)
    SELECT :copy, name, alt, content FROM petition_images WHERE petition_id = :source ORDER BY id
""")

# Public petitions of a range of ids, in the order of the list: those that are open, or closed and not archived, as
# `Petition.state_now` says. Whether search engines may index their list of names.
SITEMAP_PETITIONS_SQL = text("""
    SELECT
        slug, list_indexed AND listing <> 'none' AS has_list,
        (SELECT array_agg(language ORDER BY language <> default_language, language) FROM petition_texts
         WHERE petition_id = petitions.id) AS languages
    FROM petitions
    WHERE id >= :start AND id < :end AND (state IN ('open', 'closed') OR (state = 'draft' AND opens_at <= now()))
    ORDER BY id
""")

LAST_PETITION_ID_SQL = text("SELECT coalesce(max(id), 0) FROM petitions")

DELETE_ZERO_STATISTICS_SQL = text("DELETE FROM campaign_statistics WHERE n = 0")

# Signatures submitted and counted by hour since a moment, rolled up or still in the log.
RECENT_HOURS_SQL = text("""
    SELECT hour, sum(submitted)::bigint AS submitted, sum(counted)::bigint AS counted FROM (
        SELECT hour, submitted, counted FROM campaign_hours WHERE petition_id = :petition
        UNION ALL
        SELECT hour, submitted, counted FROM campaign_log WHERE petition_id = :petition AND hour IS NOT NULL
    ) AS changes
    WHERE hour >= :since GROUP BY hour
""")

# The same by day in the petition's time zone, since the beginning.
DAILY_TOTALS_SQL = text("""
    SELECT (hour AT TIME ZONE :zone)::date AS day, sum(submitted)::bigint AS submitted, sum(counted)::bigint AS counted
    FROM (
        SELECT hour, submitted, counted FROM campaign_hours WHERE petition_id = :petition
        UNION ALL
        SELECT hour, submitted, counted FROM campaign_log WHERE petition_id = :petition AND hour IS NOT NULL
    ) AS changes
    GROUP BY 1
""")

# The most frequent values of each dimension. Candidates are the largest rolled-up values, found by the index, and every
# value in the log, and the suggested professions, whose forms are counted together; the number of each is the sum of
# both.
TOP_VALUES_SQL = text("""
    WITH logged AS (
        SELECT dimension, lower(label) AS value, label, change FROM campaign_log
        CROSS JOIN LATERAL (VALUES
            ('path', 'submitted', submitted), ('path', 'mailed', mailed), ('path', 'confirmed', reached),
            ('source', source, counted), ('language', language, counted), ('profession', profession, counted),
            ('city', city, counted), ('area', area, counted), ('country', country, counted)
        ) AS changes (dimension, label, change)
        WHERE petition_id = :petition AND label IS NOT NULL AND change <> 0
    ), candidates AS (
        SELECT dimensions.dimension, largest.value
        FROM unnest(CAST(:dimensions AS varchar[])) AS dimensions (dimension)
        CROSS JOIN LATERAL (
            SELECT value FROM campaign_statistics AS statistics
            WHERE statistics.petition_id = :petition AND statistics.dimension = dimensions.dimension
            ORDER BY n DESC, value LIMIT :limit
        ) AS largest
        UNION
        SELECT dimension, value FROM logged
        UNION
        SELECT 'profession', lower(form) FROM unnest(CAST(:suggested AS varchar[])) AS suggested (form)
    )
    SELECT dimension, value, min(label) AS label, sum(n)::bigint AS n FROM (
        -- OFFSET 0 makes this a look-up of each candidate by the primary key; a join would read the whole table.
        SELECT candidates.dimension, candidates.value, rolled_up.label, rolled_up.n FROM candidates
        CROSS JOIN LATERAL (
            SELECT label, n FROM campaign_statistics AS statistics
            WHERE statistics.petition_id = :petition AND statistics.dimension = candidates.dimension
            AND statistics.value = candidates.value OFFSET 0
        ) AS rolled_up
        UNION ALL
        SELECT dimension, value, label, change FROM logged
    ) AS changes
    GROUP BY dimension, value HAVING sum(n) > 0 ORDER BY n DESC, value
""")


def find_by_slug(slug: str, *, lock: bool = False) -> Petition:
    """Return the petition with this slug. Raises `NotFound`.

    `lock` locks the row until the end of the transaction and reads it afresh, for a change.
    """
    query = select(Petition).where(Petition.slug == slug)
    if lock:
        # NO KEY UPDATE does not block signing, which takes a key share lock on the petition.
        query = query.with_for_update(of=Petition, key_share=True).execution_options(populate_existing=True)
    # PostgreSQL refuses some characters that cannot be in a slug.
    petition = db.session.scalar(query) if SLUG_PATTERN.fullmatch(slug) else None
    if petition is None:
        raise NotFound({"slug": f"there is no petition {slug!r}"})
    return petition


def get_cached(slug: str) -> Petition:
    """Return the petition with this slug from the cache, detached and for reading only. Raises `NotFound`."""
    if not SLUG_PATTERN.fullmatch(slug):
        raise NotFound({"slug": f"there is no petition {slug!r}"})

    found: list[Petition] = get_or_create(
        ("petition", slug), lambda: read_detached(select(Petition).where(Petition.slug == slug))
    )
    if not found:
        raise NotFound({"slug": f"there is no petition {slug!r}"})
    return found[0]


def get_cached_by_ids(ids: Iterable[int]) -> dict[int, Petition]:
    """Return petitions by id from the cache, detached and for reading only."""
    wanted = frozenset(ids)
    query = select(Petition).where(Petition.id.in_(wanted))
    found: list[Petition] = get_or_create(("petitions", wanted), lambda: read_detached(query)) if wanted else []
    return {petition.id: petition for petition in found}


def list_all() -> list[Petition]:
    """Return all petitions, newest first."""
    return list(db.session.scalars(select(Petition).order_by(Petition.id.desc())))


def list_public() -> list[Petition]:
    """Return the public petitions: open ones first, then closed ones, newest first."""
    shown = [petition for petition in list_all() if petition.state_now in (PetitionState.OPEN, PetitionState.CLOSED)]
    return sorted(shown, key=lambda petition: petition.state_now != PetitionState.OPEN)
