"""SQL of what is watched besides the flow of mail: bounded look-ups in the latest rows of an index."""

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
        (SELECT count(*) FROM recent) AS signatures,
        (SELECT id FROM of_network) AS network_of, (SELECT n FROM of_network) AS network_n,
        (SELECT domain FROM of_domain) AS domain, (SELECT n FROM of_domain) AS domain_n
""")
