"""SQL of the mail's history over weeks and months (`mail_history`): reading it, and keeping it small."""

from sqlalchemy import text

# Days that are over are of large providers and of those that got many emails; the domains of few emails, which may be
# those of single people, become "other". In one statement, so that a reader sees each email once.
FOLD_SMALL_PROVIDERS = text("""
    WITH small AS (
        SELECT date_trunc('day', at, 'UTC') AS day, provider FROM mail_history
        WHERE grain = 'hour' AND at < date_trunc('day', now() - CAST(:detail_retention AS interval), 'UTC')
            AND provider NOT IN ('', :other) AND provider <> ALL(CAST(:known AS text[]))
        GROUP BY 1, 2 HAVING sum(n) < :min_emails),
    taken AS (
        DELETE FROM mail_history AS h USING small
        WHERE h.grain = 'hour' AND h.provider = small.provider
            AND h.at >= small.day AND h.at < small.day + interval '1 day'
        RETURNING h.*)
    INSERT INTO mail_history (grain, at, provider, queue, state, reason, bucket, n)
    SELECT grain, at, :other, queue, state, reason, bucket, sum(n) FROM taken GROUP BY 1, 2, 4, 5, 6, 7
    ON CONFLICT (grain, at, provider, queue, state, reason, bucket) DO UPDATE SET n = mail_history.n + excluded.n
""")
FOLD_HOURS_INTO_DAYS = text("""
    WITH taken AS (
        DELETE FROM mail_history
        WHERE grain = 'hour' AND at < date_trunc('day', now() - CAST(:hourly_retention AS interval), 'UTC')
        RETURNING *)
    INSERT INTO mail_history (grain, at, provider, queue, state, reason, bucket, n)
    SELECT 'day', date_trunc('day', at, 'UTC'), provider, queue, state, reason, bucket, sum(n)
    FROM taken GROUP BY 2, 3, 4, 5, 6, 7
    ON CONFLICT (grain, at, provider, queue, state, reason, bucket) DO UPDATE SET n = mail_history.n + excluded.n
""")
DELETE_OLD_DAYS = text(
    "DELETE FROM mail_history WHERE grain = 'day' AND at < now() - CAST(:daily_retention AS interval)"
)

# Emails by slot of time, queue and state; of one provider or, with NULL, of all. Weeks begin on Mondays.
VOLUME = text("""
    SELECT date_bin(CAST(:step AS interval), at, timestamptz '2024-01-01 00:00+00') AS slot, queue,
           CASE reason WHEN 'budget' THEN 'budget' ELSE state END AS state, sum(n)::bigint AS n
    FROM mail_history WHERE grain IN ('hour', 'day') AND at >= :since
        AND (CAST(:provider AS text) IS NULL OR provider = :provider)
    GROUP BY 1, 2, 3
""")
# Accepted emails of one queue by slot of time and bucket of their latency.
WAITS = text("""
    SELECT date_bin(CAST(:step AS interval), at, timestamptz '2024-01-01 00:00+00') AS slot, bucket,
           sum(n)::bigint AS n
    FROM mail_history WHERE grain IN ('hour', 'day') AND at >= :since AND queue = :queue AND state = 'sent'
        AND bucket >= 0 AND (CAST(:provider AS text) IS NULL OR provider = :provider)
    GROUP BY 1, 2
""")
# The providers with the most mail, and what became of it.
PROVIDERS = text("""
    WITH largest AS (
        SELECT provider FROM mail_history
        WHERE grain IN ('hour', 'day') AND at >= :since AND state IN ('sent', 'deferred', 'failed') AND provider <> ''
            AND reason <> 'budget'
        GROUP BY 1 ORDER BY sum(n) DESC, 1 LIMIT :limit)
    SELECT provider, state, bucket, sum(n)::bigint AS n FROM mail_history JOIN largest USING (provider)
    WHERE grain IN ('hour', 'day') AND at >= :since AND reason <> 'budget' GROUP BY 1, 2, 3
""")
# Emails that failed or were put off, by slot of time and provider.
REJECTIONS = text("""
    SELECT date_bin(CAST(:step AS interval), at, timestamptz '2024-01-01 00:00+00') AS slot, provider,
           sum(n)::bigint AS n
    FROM mail_history WHERE grain IN ('hour', 'day') AND at >= :since AND state IN ('deferred', 'failed')
        AND reason <> 'budget' AND provider <> ''
    GROUP BY 1, 2
""")
# The emails of a provider that are deferred, failed or unknown now, by cause, with the server's last response. Its
# domains are those that DNS names, and those of its family.
REJECTIONS_NOW = text("""
    WITH logged AS (
        SELECT queue, state, cause, domain, n FROM failure_groups
        UNION ALL
        SELECT queue, state, cause, domain, change FROM state_change_log
        WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')),
    grouped AS (
        SELECT l.queue, l.state, l.cause, l.domain, sum(l.n)::bigint AS n FROM logged AS l
        LEFT JOIN mail_domains AS d ON d.domain = l.domain
        LEFT JOIN unnest(CAST(:labels AS text[]), CAST(:providers AS text[])) AS f (label, provider)
            ON f.label = split_part(l.domain, '.', 1) AND length(l.domain) - length(f.label) <= 7
        WHERE coalesce(d.provider, f.provider, l.domain) = :provider
        GROUP BY 1, 2, 3, 4 HAVING sum(l.n) > 0 ORDER BY n DESC LIMIT :limit)
    SELECT g.*, first.tried_at AS first_at, last.tried_at AS last_at, last.reason AS sample, last.id AS sample_id
    FROM grouped AS g
    LEFT JOIN LATERAL (
        SELECT tried_at FROM deliveries d WHERE d.queue = g.queue AND d.state = g.state AND d.cause = g.cause
        AND coalesce(d.domain, '') = g.domain AND d.state IN ('deferred', 'failed', 'unknown')
        ORDER BY tried_at LIMIT 1) AS first ON true
    LEFT JOIN LATERAL (
        SELECT id, tried_at, reason FROM deliveries d WHERE d.queue = g.queue AND d.state = g.state
        AND d.cause = g.cause AND coalesce(d.domain, '') = g.domain
        AND d.state IN ('deferred', 'failed', 'unknown') ORDER BY tried_at DESC LIMIT 1) AS last ON true
    ORDER BY g.n DESC, g.queue, g.state, g.cause, g.domain
""")
