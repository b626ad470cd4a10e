"""SQL of the operators' pages, commands and metrics: reading statistics, rolling them up, comparing them with the rows.

Triggers log every change of state (`state_change_log`); `rollup` adds the log up into small tables. A statement that
reads both is exact at every moment, and never counts deliveries.
"""

from sqlalchemy import text

# How many rows are in each state now. Mailings have subject 'mailing', and their id as the queue.
STATE_COUNTS = text("SELECT subject, queue, state, n FROM current_state_counts")

# When the oldest email of each queue became due or was claimed, and when the next deferred one is due, but for those
# that wait for their provider. Each subquery reads the first entry of an index, or the first that does not wait so.
OLDEST_AND_NEXT = text("""
    SELECT queue,
        (SELECT min(next_attempt_at) FROM deliveries d
         WHERE d.queue = q.queue AND state IN ('due', 'deferred') AND next_attempt_at <= now()) AS oldest_waiting,
        (SELECT min(next_attempt_at) FROM deliveries d WHERE d.queue = q.queue AND state = 'sending') AS oldest_sending,
        (SELECT min(next_attempt_at) FROM deliveries d
         WHERE d.queue = q.queue AND state IN ('due', 'deferred') AND next_attempt_at > now()
             AND parked_for IS NULL) AS next_at
    FROM unnest(CAST(:queues AS text[])) AS q (queue)
""")

# The last hour in one pass: entries into each state by minute (`bucket` is NULL), and accepted emails by latency bucket
# (`minute` is NULL); events for other programs likewise. A few dozen rows, however many emails. Without those beyond a
# budget: that a flood was stopped is no sign that mail does not flow.
LAST_HOUR = text("""
    SELECT queue, state, minute, bucket, sum(n)::bigint AS n FROM (
        SELECT queue, state, minute, bucket, n FROM minute_rollups
        WHERE subject IN ('delivery', 'webhook') AND minute >= :since AND reason <> 'budget'
        UNION ALL
        SELECT queue, state, minute, coalesce(bucket, -1), entered FROM state_change_log
        WHERE subject IN ('delivery', 'webhook') AND entered > 0 AND minute >= :since
            AND reason_class(cause) <> 'budget') AS changes
    GROUP BY GROUPING SETS ((queue, state, minute), (queue, state, bucket))
    HAVING minute >= :minutes_since OR (state = 'sent' AND bucket >= 0)
""")

# Accepted emails of the last day, by hour and latency bucket.
SENT_BY_HOUR = text("""
    SELECT queue, hour, bucket, sum(n)::bigint AS n FROM (
        SELECT queue, date_bin('1 hour', minute, :since) AS hour, bucket, n FROM minute_rollups
        WHERE subject = 'delivery' AND state = 'sent' AND minute >= :since
        UNION ALL
        SELECT queue, date_bin('1 hour', minute, :since), coalesce(bucket, -1), entered FROM state_change_log
        WHERE subject = 'delivery' AND state = 'sent' AND entered > 0 AND minute >= :since) AS changes
    GROUP BY 1, 2, 3
""")

# The largest groups of deferred, failed and unknown emails, each with its first and last attempt and the response to
# the last one. The states are written out because they are the predicate of the partial index.
FAILURE_GROUPS = text("""
    WITH logged AS (
        SELECT queue, state, cause, domain, change AS n FROM state_change_log
        WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')),
    changed AS (SELECT DISTINCT queue, state, cause, domain FROM logged),
    -- The largest groups by the index, and every group that the log changes; there may be many others.
    candidates AS (
        (SELECT queue, state, cause, domain FROM failure_groups ORDER BY n DESC
         LIMIT CAST(:limit AS bigint) + (SELECT count(*) FROM changed))
        UNION SELECT * FROM changed),
    grouped AS (
        SELECT queue, state, cause, domain, sum(n)::bigint AS n FROM (
            -- OFFSET 0 makes this one look-up by primary key for each candidate; a join would read the whole table.
            SELECT c.*, rolled_up.n FROM candidates c CROSS JOIN LATERAL (
                SELECT n FROM failure_groups f WHERE f.queue = c.queue AND f.state = c.state AND f.cause = c.cause
                AND f.domain = c.domain OFFSET 0) AS rolled_up
            UNION ALL SELECT * FROM logged) AS changes
        GROUP BY 1, 2, 3, 4 HAVING sum(n) > 0 ORDER BY n DESC LIMIT :limit)
    SELECT g.*, first.tried_at AS first_at, last.tried_at AS last_at, last.reason AS sample, last.id AS sample_id
    FROM grouped g
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

# What became of confirmation emails since an hour, by recipient domain; of those sent with the latency bucket of the
# email, of those confirmed with that of the confirmation. Domains with the most mail are chosen first,
# so that only their rows are added up.
CONFIRMATION_FUNNEL = text("""
    WITH largest AS (
        SELECT domain FROM (
            SELECT domain, n FROM domain_rollups WHERE hour >= :since AND state IN ('sent', 'deferred', 'failed')
            UNION ALL
            SELECT domain, entered FROM state_change_log WHERE entered > 0 AND domain <> '' AND hour >= :since
             AND state IN ('sent', 'deferred', 'failed')) AS mail
        GROUP BY domain ORDER BY sum(n) DESC, domain LIMIT :limit)
    SELECT domain, state, bucket, sum(n)::bigint AS n FROM (
        SELECT domain, state, bucket, n FROM domain_rollups JOIN largest USING (domain) WHERE hour >= :since
        UNION ALL
        SELECT domain, state, coalesce(bucket, -1), entered
        FROM state_change_log JOIN largest USING (domain) WHERE entered > 0 AND hour >= :since) AS changes
    GROUP BY 1, 2, 3
""")

# How many rows ever entered each state, by reason class and latency bucket: Prometheus counters, which never go down.
TOTALS = text("""
    SELECT subject, queue, state, reason, bucket, sum(n)::bigint AS n FROM (
        SELECT subject, queue, state, reason, bucket, n FROM totals
        UNION ALL
        SELECT subject, queue, state, reason_class(cause), coalesce(bucket, -1), entered FROM state_change_log
        WHERE entered > 0) AS changes
    GROUP BY 1, 2, 3, 4, 5
""")

# Emails being sent, by the worker thread that claimed them.
COUNT_IN_FLIGHT = text("SELECT claimed_by, count(*) FROM deliveries WHERE state = 'sending' GROUP BY claimed_by")

TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
WAIT_FOR_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")

# Delete the oldest rows of the log and add them to every table in the same statement: a reader sees each change once.
ROLL_UP = text("""
    WITH taken AS (
        -- By a range of ids, not by a join on ids: right after a rollup the planner believes that the log is empty, and
        -- a join would compare each row with all others.
        DELETE FROM state_change_log WHERE id <= (
            SELECT max(id) FROM (SELECT id FROM state_change_log ORDER BY id LIMIT :batch) AS oldest) RETURNING *),
    add_state_counts AS (
        INSERT INTO state_counts (subject, queue, state, n)
        SELECT subject, queue, state, sum(change) FROM taken GROUP BY 1, 2, 3 HAVING sum(change) <> 0
        ON CONFLICT (subject, queue, state) DO UPDATE SET n = state_counts.n + excluded.n),
    add_failure_groups AS (
        INSERT INTO failure_groups (queue, state, cause, domain, n)
        SELECT queue, state, cause, domain, sum(change) FROM taken
        WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')
        GROUP BY 1, 2, 3, 4 HAVING sum(change) <> 0
        ON CONFLICT (queue, state, cause, domain) DO UPDATE SET n = failure_groups.n + excluded.n),
    add_minutes AS (
        INSERT INTO minute_rollups (minute, subject, queue, state, reason, bucket, n)
        SELECT minute, subject, queue, state, reason_class(cause), coalesce(bucket, -1), sum(entered) FROM taken
        WHERE entered > 0 AND minute > now() - CAST(:retention AS interval) GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (minute, subject, queue, state, reason, bucket) DO UPDATE SET n = minute_rollups.n + excluded.n),
    add_totals AS (
        INSERT INTO totals (subject, queue, state, reason, bucket, n)
        SELECT subject, queue, state, reason_class(cause), coalesce(bucket, -1), sum(entered) FROM taken
        WHERE entered > 0 GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (subject, queue, state, reason, bucket) DO UPDATE SET n = totals.n + excluded.n),
    add_domains AS (
        INSERT INTO domain_rollups (hour, domain, state, bucket, n)
        SELECT hour, domain, state, coalesce(bucket, -1), sum(entered)
        FROM taken WHERE entered > 0 AND domain <> '' AND hour > now() - CAST(:retention AS interval)
        GROUP BY 1, 2, 3, 4
        ON CONFLICT (hour, domain, state, bucket) DO UPDATE SET n = domain_rollups.n + excluded.n),
    by_domain AS (
        SELECT date_trunc('hour', minute, 'UTC') AS at, domain, queue, state, reason_class(cause) AS reason,
               coalesce(bucket, -1) AS bucket, sum(entered) AS n
        FROM taken WHERE subject IN ('delivery', 'webhook') AND entered > 0 AND minute IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6
        UNION ALL
        -- Who followed the links of an hour, beside the links of that hour.
        SELECT date_trunc('hour', hour, 'UTC'), domain, 'confirmations',
               CASE subject WHEN 'signature' THEN 'confirmed' ELSE 'linked' END, '', -1, sum(entered)
        FROM taken WHERE entered > 0 AND hour IS NOT NULL AND domain <> '' AND state IN ('sent', 'confirmed')
        GROUP BY 1, 2, 3, 4),
    add_history AS (
        INSERT INTO mail_history (grain, at, provider, queue, state, reason, bucket, n)
        SELECT 'hour', b.at, coalesce(d.provider, f.provider, b.domain), b.queue, b.state, b.reason, b.bucket, sum(b.n)
        FROM by_domain AS b
        LEFT JOIN mail_domains AS d ON d.domain = b.domain
        -- As `pacing.providers.guess_provider`.
        LEFT JOIN unnest(CAST(:labels AS text[]), CAST(:providers AS text[])) AS f (label, provider)
            ON f.label = split_part(b.domain, '.', 1) AND length(b.domain) - length(f.label) <= 7
        WHERE b.reason <> 'pace' AND b.at > now() - CAST(:hourly_retention AS interval)
        GROUP BY 2, 3, 4, 5, 6, 7
        ON CONFLICT (grain, at, provider, queue, state, reason, bucket)
            DO UPDATE SET n = mail_history.n + excluded.n)
    SELECT count(*) FROM taken
""")
DELETE_EMPTY_GROUPS = text("DELETE FROM failure_groups WHERE n = 0")
DELETE_OLD_MINUTES = text("DELETE FROM minute_rollups WHERE minute < now() - CAST(:retention AS interval)")
DELETE_OLD_HOURS = text("DELETE FROM domain_rollups WHERE hour < now() - CAST(:retention AS interval)")

# Each of the following compares a statistic with the rows it counts in one statement, so that what is committed
# meanwhile is on both sides or on neither.

# The counters of a petition against its confirmed signatures and imported paper signatures.
WRONG_COUNTERS = text("""
    SELECT petition_id, kind, coalesce(c.n, 0) AS found, coalesce(s.n, 0) AS expected FROM
        (SELECT petition_id, 'person' AS kind, sum(people) AS n FROM petition_counts GROUP BY 1
         UNION ALL SELECT petition_id, 'organisation', sum(organisations) FROM petition_counts GROUP BY 1
         UNION ALL SELECT petition_id, 'paper', sum(paper) FROM petition_counts GROUP BY 1) AS c
    FULL JOIN (SELECT petition_id, party AS kind, count(*) AS n FROM signatures
               WHERE state = 'confirmed' GROUP BY 1, 2
               UNION ALL
               SELECT petition_id, 'paper', count(*) FROM paper_signatures WHERE counted GROUP BY 1) AS s
        USING (petition_id, kind)
    WHERE coalesce(c.n, 0) <> coalesce(s.n, 0)
""")
CORRECT_COUNTER = text("""
    INSERT INTO petition_counts (petition_id, slot, people, organisations, paper)
    VALUES (:petition_id, 0, :person, :organisation, :paper)
    ON CONFLICT (petition_id, slot) DO UPDATE SET people = petition_counts.people + excluded.people,
        organisations = petition_counts.organisations + excluded.organisations,
        paper = petition_counts.paper + excluded.paper
""")

# Signatures confirmed in each hour, from which the days and the total of a petition's statistics are added up. Its
# other statistics count what no row records, and cannot be compared.
WRONG_HOURS = text("""
    SELECT petition_id, hour, coalesce(h.n, 0) AS found, coalesce(s.n, 0) AS expected FROM
        (SELECT petition_id, hour, sum(counted) AS n FROM (
            SELECT petition_id, hour, counted FROM campaign_hours
            UNION ALL SELECT petition_id, hour, counted FROM campaign_log WHERE hour IS NOT NULL) AS changes
         GROUP BY 1, 2) AS h
    FULL JOIN (SELECT petition_id, date_trunc('hour', coalesce(confirmed_at, created_at), 'UTC') AS hour, count(*) AS n
               FROM signatures WHERE state = 'confirmed' GROUP BY 1, 2) AS s USING (petition_id, hour)
    WHERE coalesce(h.n, 0) <> coalesce(s.n, 0)
""")
CORRECT_HOUR = text("""
    INSERT INTO campaign_hours (petition_id, hour, submitted, counted) VALUES (:petition_id, :hour, 0, :change)
    ON CONFLICT (petition_id, hour) DO UPDATE SET counted = campaign_hours.counted + excluded.counted
""")

# How many people each public list has.
WRONG_LIST_TOTALS = text("""
    SELECT petition_id, coalesce(l.n, 0) AS found, coalesce(s.n, 0) AS expected FROM
        (SELECT petition_id, sum(n) AS n FROM (
            SELECT petition_id, n FROM campaign_statistics WHERE dimension = 'list'
            UNION ALL SELECT petition_id, listed FROM campaign_log WHERE listed <> 0) AS changes
         GROUP BY 1) AS l
    FULL JOIN (SELECT petition_id, count(*) AS n FROM signatures
               WHERE state = 'confirmed' AND listed AND (review IS NULL OR review = 'approved') AND party = 'person'
               GROUP BY 1) AS s USING (petition_id)
    WHERE coalesce(l.n, 0) <> coalesce(s.n, 0)
""")
CORRECT_LIST_TOTAL = text("""
    INSERT INTO campaign_log (petition_id, submitted, mailed, reached, counted, listed)
    VALUES (:petition_id, 0, 0, 0, 0, :change)
""")

# How many deliveries and signatures are in each state.
WRONG_STATE_COUNTS = text("""
    SELECT subject, queue, state, coalesce(c.n, 0) AS found, coalesce(r.n, 0) AS expected
    FROM current_state_counts c
    FULL JOIN (SELECT 'delivery' AS subject, queue, state, count(*) AS n FROM deliveries GROUP BY 2, 3
               UNION ALL SELECT 'signature', '', state, count(*) FROM signatures GROUP BY 3
               -- A mailing's emails stay counted when their rows are folded into daily counts.
               UNION ALL SELECT 'mailing', mailing_id::text, state, sum(n) FROM (
                   SELECT mailing_id, state, count(*) AS n FROM deliveries WHERE mailing_id IS NOT NULL GROUP BY 1, 2
                   UNION ALL SELECT mailing_id, state, sum(emails) FROM delivery_days
                   WHERE mailing_id > 0 GROUP BY 1, 2) AS mailed
               GROUP BY 2, 3) AS r
        USING (subject, queue, state)
    WHERE coalesce(c.n, 0) <> coalesce(r.n, 0)
""")
CORRECT_STATE_COUNT = text("""
    INSERT INTO state_counts (subject, queue, state, n) VALUES (:subject, :queue, :state, :change)
    ON CONFLICT (subject, queue, state) DO UPDATE SET n = state_counts.n + excluded.n
""")

# How many deliveries are deferred, failed or unknown, by cause and recipient domain.
WRONG_FAILURE_GROUPS = text("""
    SELECT queue, state, cause, domain, coalesce(g.n, 0) AS found, coalesce(r.n, 0) AS expected FROM
        (SELECT queue, state, cause, domain, sum(n) AS n FROM (
            SELECT queue, state, cause, domain, n FROM failure_groups
            UNION ALL SELECT queue, state, cause, domain, change FROM state_change_log
            WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')) AS changes
         GROUP BY 1, 2, 3, 4) AS g
    FULL JOIN (SELECT queue, state, cause, coalesce(domain, '') AS domain, count(*) AS n FROM deliveries
               WHERE state IN ('deferred', 'failed', 'unknown') GROUP BY 1, 2, 3, 4) AS r
        USING (queue, state, cause, domain)
    WHERE coalesce(g.n, 0) <> coalesce(r.n, 0)
""")
CORRECT_FAILURE_GROUP = text("""
    INSERT INTO failure_groups (queue, state, cause, domain, n) VALUES (:queue, :state, :cause, :domain, :change)
    ON CONFLICT (queue, state, cause, domain) DO UPDATE SET n = failure_groups.n + excluded.n
""")

# Pending signatures that no confirmation email or reminder was ever enqueued for, oldest first; locked, so that two
# processes do not enqueue for the same signature.
MISSING_CONFIRMATION_EMAILS = text("""
    SELECT s.petition_id, s.id, s.generation FROM signatures s
    WHERE s.state = 'pending' AND s.requested_at BETWEEN :oldest AND :newest AND s.petition_id = ANY(:petitions)
      AND NOT EXISTS (SELECT FROM deliveries d
                      WHERE d.subject_id = s.id AND d.kind IN ('confirm_signature', 'reminder'))
    ORDER BY s.requested_at LIMIT :batch FOR UPDATE OF s SKIP LOCKED
""")
