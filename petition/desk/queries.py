"""SQL of the team's home."""

from sqlalchemy import text

# Signers of each petition who agreed to news: an index-only scan of ix_signatures_updates. A petition whose last such
# signer left gets a zero.
COUNT_OPT_INS = text("""
    INSERT INTO opt_in_counts AS counts (petition_id, n, counted_at)
    SELECT petitions.id, coalesce(agreed.n, 0), now()
    FROM petitions LEFT JOIN (
        SELECT petition_id, count(*) AS n FROM signatures WHERE state = 'confirmed' AND updates GROUP BY petition_id
    ) AS agreed ON agreed.petition_id = petitions.id
    ON CONFLICT (petition_id) DO UPDATE SET n = excluded.n, counted_at = excluded.counted_at
""")

# Signatures submitted and confirmed of each petition since an hour, rolled up or still in the log.
NEW_BY_PETITION = text("""
    SELECT petition_id, sum(submitted)::bigint AS submitted, sum(counted)::bigint AS counted FROM (
        SELECT petition_id, submitted, counted FROM campaign_hours
        WHERE petition_id = ANY(:petitions) AND hour >= :since
        UNION ALL
        SELECT petition_id, submitted, counted FROM campaign_log
        WHERE petition_id = ANY(:petitions) AND hour >= :since
    ) AS changes
    GROUP BY petition_id
""")

# An alert for each active member who has one of the roles and has not switched it off; none if its cause is known.
# Returns their ids.
INSERT_ALERTS = text("""
    INSERT INTO team_alerts (kind, key, account_id, data)
    SELECT cause.kind, cause.key, id, CAST(:data AS jsonb)
    FROM accounts, (SELECT CAST(:kind AS varchar) AS kind, CAST(:key AS varchar) AS key) AS cause
    WHERE active AND password IS NOT NULL AND role_names && CAST(:roles AS varchar[])
    AND NOT cause.kind = ANY(alerts_off)
    AND NOT EXISTS (SELECT FROM team_alerts AS known WHERE known.kind = cause.kind AND known.key = cause.key)
    ON CONFLICT DO NOTHING RETURNING id
""")

# Note a milestone that nobody is alerted of; no row if it is known.
MARK_MILESTONE = text("""
    INSERT INTO team_alerts (kind, key, data)
    SELECT 'milestone', CAST(:key AS varchar), '{}'
    WHERE NOT EXISTS (
        SELECT FROM team_alerts AS known WHERE known.kind = 'milestone' AND known.key = CAST(:key AS varchar))
    RETURNING id
""")

# Petitions that are attacked, and of whose attack nobody was alerted yet. `unconfirmed`: in the last minutes, and
# `max_rows` at most. When it began identifies an attack.
SELECT_NEW_ATTACKS = text("""
    SELECT attacked.*, (
        SELECT count(*) FROM (
            SELECT FROM signatures AS s
            WHERE s.petition_id = attacked.id AND s.state = 'pending'
                AND s.requested_at > CAST(:now AS timestamptz) - CAST(:window AS interval)
            LIMIT :max_rows) AS recent
    ) AS unconfirmed
    FROM (
        SELECT id, attacked_since, id || ':' || CAST(extract(epoch FROM attacked_since) AS bigint) AS key
        FROM petitions WHERE attacked_until > :now AND challenge = :policy
    ) AS attacked
    WHERE NOT EXISTS (SELECT FROM team_alerts AS known WHERE known.kind = 'attack' AND known.key = attacked.key)
""")

# Endpoints of webhooks that were disabled by their receiver within a week, or for which events were given up in a day.
SELECT_WEBHOOK_TROUBLES = text("""
    SELECT e.id, e.url, e.disabled_at, (
        SELECT count(*) FROM webhook_events AS v
        WHERE v.endpoint_id = e.id AND v.state = 'failed' AND v.settled_at > now() - interval '1 day'
    ) AS given_up
    FROM webhook_endpoints AS e
    WHERE e.disabled_at > now() - interval '7 days' OR EXISTS (
        SELECT FROM webhook_events AS v
        WHERE v.endpoint_id = e.id AND v.state = 'failed' AND v.settled_at > now() - interval '1 day')
""")
