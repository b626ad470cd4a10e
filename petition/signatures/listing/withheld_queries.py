"""The SQL of withheld names: show those for which enough have signed, count and list those who wait."""

from sqlalchemy import text

# Show a batch of names, of those groups for which enough have signed. The trigger on `named_at` checks each again.
RELEASE_NAMES_SQL = text("""
    WITH groups AS MATERIALIZED (
        SELECT DISTINCT petition_id, named_when, named_from,
            CASE WHEN named_when = 'profession' THEN coalesce(collation_key(profession), '') ELSE '' END AS key
        FROM signatures
        WHERE withheld_name IS NOT NULL AND state = 'confirmed' AND named_when <> 'never' AND restricted_at IS NULL
    ), due AS MATERIALIZED (
        SELECT * FROM groups WHERE enough_signed(petition_id, named_when, named_from, key)
    ), batch AS MATERIALIZED (
        SELECT s.id FROM signatures AS s JOIN due AS d USING (petition_id, named_when, named_from)
        WHERE s.withheld_name IS NOT NULL AND s.state = 'confirmed' AND s.restricted_at IS NULL
            AND (s.named_when = 'total' OR coalesce(collation_key(s.profession), '') = d.key)
        LIMIT :batch_size FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE signatures AS s
    SET name = s.withheld_name, withheld_name = NULL, listed = true, named_at = now()
    FROM batch WHERE s.id = batch.id
    RETURNING s.id
""")

# Count those who wait, a profession with all that means the same; rows that stay as they are are not written.
COUNT_WAITING_SQL = text("""
    WITH typed AS (
        SELECT petition_id, named_when, named_from, min(profession) AS profession, count(*) AS n,
            CASE WHEN named_when = 'profession' THEN collation_key(profession) END AS key
        FROM signatures
        WHERE withheld_name IS NOT NULL AND state = 'confirmed' AND named_when <> 'never' AND restricted_at IS NULL
        GROUP BY petition_id, named_when, named_from, key
    ), counted AS (
        SELECT petition_id, named_when, named_from, sum(n)::int AS waiting,
            coalesce(left((profession_keys(petition_id, key))[1], 120), '') AS profession_key,
            min(CASE WHEN key IS NOT NULL THEN profession END) AS profession
        FROM typed GROUP BY petition_id, named_when, named_from, profession_key
    ), gone AS (
        DELETE FROM withheld_counts AS w WHERE NOT EXISTS (
            SELECT FROM counted AS c
            WHERE c.petition_id = w.petition_id AND c.named_when = w.named_when AND c.named_from = w.named_from
                AND c.profession_key = w.profession_key)
    )
    INSERT INTO withheld_counts AS w (petition_id, named_when, named_from, profession_key, profession, waiting)
    SELECT petition_id, named_when, named_from, profession_key, profession, waiting FROM counted
    ON CONFLICT (petition_id, named_when, named_from, profession_key) DO UPDATE
    SET waiting = excluded.waiting, profession = excluded.profession
    WHERE (w.waiting, w.profession) IS DISTINCT FROM (excluded.waiting, excluded.profession)
""")

# Those of a petition who wait: for a total; of the largest professions; of all other professions together.
LIST_WAITING_SQL = text("""
    WITH ranked AS (
        SELECT named_from, profession, waiting, named_when = 'profession' AND waiting >= :min_group
            AND row_number() OVER (ORDER BY named_when, waiting DESC, profession_key) <= :max_groups AS is_shown,
            named_when
        FROM withheld_counts WHERE petition_id = :petition
    )
    SELECT named_when, CASE WHEN is_shown OR named_when = 'total' THEN named_from END AS needed,
        CASE WHEN is_shown THEN profession END AS profession, sum(waiting)::int AS waiting
    FROM ranked GROUP BY 1, 2, 3 ORDER BY named_when DESC, waiting DESC
""")
