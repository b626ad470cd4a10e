"""SQL of single processes: the requests that one counted, the leases of one that died."""

from sqlalchemy import text

# In the order of the key, so that two processes that add at once wait for each other instead of deadlocking.
ADD_REQUESTS = text("""
    INSERT INTO web_requests (method, rule, status, bucket, n, seconds)
    SELECT * FROM unnest(CAST(:method AS text[]), CAST(:rule AS text[]), CAST(:status AS smallint[]),
                         CAST(:bucket AS smallint[]), CAST(:n AS bigint[]), CAST(:seconds AS double precision[]))
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (method, rule, status, bucket) DO UPDATE
    SET n = web_requests.n + excluded.n, seconds = web_requests.seconds + excluded.seconds
""")

# Claims of this host that still hold, by worker thread (host/pid/thread), but for workers with a recent heartbeat.
SELECT_CLAIMS = text("""
    SELECT claimed_by, max(lease_until) AS lease_until FROM deliveries AS d
    WHERE state = 'sending' AND lease_until > now() AND starts_with(claimed_by, :host)
        AND (starts_with(claimed_by, :this) OR NOT EXISTS (
            SELECT FROM heartbeats AS h WHERE starts_with(d.claimed_by, h.host || '/' || h.pid || '/')
                AND h.seen_at > now() - make_interval(secs => :silent_after)))
    GROUP BY 1
""")

END_LEASES = text("""
    UPDATE deliveries SET lease_until = now()
    WHERE state = 'sending' AND lease_until > now() AND claimed_by = ANY(:workers) RETURNING queue
""")
