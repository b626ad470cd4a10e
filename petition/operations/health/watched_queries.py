"""SQL of what is watched besides the flow of mail: bounded look-ups in an index, and small tables."""

from sqlalchemy import text

WATCHED = text("""
    WITH recent AS (
        SELECT id, network, split_part(email_canonical, '@', 2) AS domain FROM signatures
        WHERE created_at > now() - CAST(:cluster_window AS interval)
        ORDER BY created_at DESC, id DESC LIMIT :max_recent),
    of_network AS (
        SELECT max(id) AS id, count(*) AS n FROM recent WHERE network IS NOT NULL
        GROUP BY network ORDER BY n DESC LIMIT 1),
    of_domain AS (
        SELECT domain, count(*) AS n FROM recent WHERE domain <> '' AND domain <> ALL(CAST(:large AS text[]))
        GROUP BY domain ORDER BY n DESC, domain LIMIT 1)
    SELECT
        (SELECT count(*) FROM (
            SELECT FROM sign_in_attempts WHERE failed AND attempted_at > now() - CAST(:sign_in_window AS interval)
            LIMIT :max_recent) AS failures) AS sign_in_failures,
        (SELECT coalesce(sum(n), 0)::bigint FROM minute_rollups
         WHERE subject = 'delivery' AND state = 'failed' AND reason = 'budget'
            AND minute > now() - CAST(:budget_window AS interval)) AS beyond_budget,
        -- A client that works goes on working until its token ends: nobody else tells.
        (SELECT coalesce(json_agg(json_build_object(
            'id', id, 'name', name, 'seconds', extract(epoch FROM expires_at - now())) ORDER BY expires_at), '[]')
         FROM (
            SELECT id, name, expires_at FROM api_tokens
            WHERE revoked_at IS NULL AND expires_at BETWEEN now() AND now() + CAST(:token_window AS interval)
                AND last_used_at > now() - CAST(:token_window AS interval)
            ORDER BY expires_at LIMIT 20) AS ending) AS tokens,
        (SELECT coalesce(json_agg(slug ORDER BY id), '[]') FROM petitions WHERE attacked_until > now()) AS attacked,
        (SELECT count(*) FROM recent) AS signatures,
        (SELECT id FROM of_network) AS network_of, (SELECT n FROM of_network) AS network_n,
        (SELECT domain FROM of_domain) AS domain, (SELECT n FROM of_domain) AS domain_n
""")

# What waits for each endpoint of webhooks, of its first events by the index of those that are due. An event that is
# sent again after it was given up waits since then.
WEBHOOK_QUEUE = text("""
    SELECT e.id, e.url, e.state, e.failures, waiting.n, waiting.put_off, waiting.oldest_at, waiting.answer
    FROM webhook_endpoints AS e CROSS JOIN LATERAL (
        SELECT count(*) AS n, count(*) FILTER (WHERE attempts > 0) AS put_off,
               min(CASE attempts WHEN 0 THEN next_attempt_at ELSE created_at END) AS oldest_at,
               (array_agg(answer ORDER BY id) FILTER (WHERE attempts > 0))[1] AS answer
        FROM (
            SELECT id, attempts, next_attempt_at, created_at, answer FROM webhook_events AS v
            WHERE v.endpoint_id = e.id AND v.state = 'due'
            ORDER BY v.signature_id, v.id LIMIT :max_events) AS first) AS waiting
    WHERE e.state <> 'disabled' ORDER BY e.id
""")
