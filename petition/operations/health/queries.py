"""SQL of the health check. Without SQLAlchemy, which `petition queue check` has no time to import."""

# Everything that health depends on, in one row. Each subquery reads a few entries of an index or a small table.
HEALTH_FACTS = """
    WITH requests AS (
        -- Submitted forms that no worker has made a signature of yet. Bounded: there may be very many without a worker.
        SELECT count(*) AS n, min(requested_at) AS oldest_at,
               count(*) FILTER (WHERE requested_at < now() - make_interval(secs => %(stuck_after)s)) AS late,
               max(requested_at) FILTER (WHERE requested_at < now() - make_interval(secs => %(stuck_after)s)) AS late_at
        FROM (
            SELECT requested_at FROM sign_requests ORDER BY id LIMIT %(max_requests)s) AS first),
    confirmations AS (
        SELECT coalesce(sum(n) FILTER (WHERE state IN ('due', 'deferred', 'sending')), 0)::bigint AS waiting,
               coalesce(sum(n) FILTER (WHERE state = 'sending'), 0)::bigint AS sending
        FROM current_state_counts WHERE subject = 'delivery' AND queue = 'confirmations'),
    newest AS (
        SELECT id, delivery_id, ended_at, state, response, woken_by FROM attempts
        ORDER BY id DESC LIMIT %(max_tries)s),
    tries AS MATERIALIZED (
        SELECT a.id, a.ended_at, a.response, a.state = 'sent' AS accepted,
               -- Said of the mailbox (RFC 3463: X.1.X bad address, X.2.X mailbox full): no trouble of ours.
               coalesce(a.response ~ '^[45]\\d\\d[ -][45]\\.[12]\\.', false) AS of_mailbox
        -- OFFSET 0 makes this one look-up by primary key for each attempt.
        FROM newest AS a CROSS JOIN LATERAL (
            SELECT queue, cause FROM deliveries AS d WHERE d.id = a.delivery_id OFFSET 0) AS d
        WHERE d.queue = 'confirmations' AND d.cause NOT LIKE '%% budget' AND a.state IN ('sent', 'deferred', 'failed')
            AND a.woken_by IS DISTINCT FROM 'operator'),
    success AS (SELECT max(ended_at) AS last_at FROM tries WHERE accepted),
    rejection AS (SELECT max(ended_at) AS last_at FROM tries WHERE NOT accepted AND NOT of_mailbox),
    tried AS (
        SELECT max(ended_at) AS last_try_at,
            count(*) FILTER (WHERE NOT accepted AND since) AS refused_since,
            count(*) FILTER (WHERE NOT accepted AND since AND NOT of_mailbox) AS refused_by_server_since,
            count(*) FILTER (WHERE accepted AND after_rejection) AS accepted_in_a_row,
            count(*) FILTER (WHERE accepted AND short) AS accepted_short,
            count(*) FILTER (WHERE NOT accepted AND NOT of_mailbox AND short) AS refused_short,
            count(*) FILTER (WHERE accepted AND long) AS accepted_long,
            count(*) FILTER (WHERE NOT accepted AND NOT of_mailbox AND long) AS refused_long
        FROM (SELECT tries.*,
                     ended_at > greatest(success.last_at, now() - make_interval(secs => %(tries_seconds)s)) AS since,
                     ended_at > coalesce(rejection.last_at, '-infinity') AS after_rejection,
                     ended_at > now() - make_interval(secs => %(short_seconds)s) AS short,
                     ended_at > now() - make_interval(secs => %(long_seconds)s) AS long
              FROM tries CROSS JOIN success CROSS JOIN rejection) AS t),
    -- People who have waited for longer than the threshold, up to a few; those with full mailboxes left out.
    late AS (
        SELECT created_at FROM deliveries
        WHERE queue = 'confirmations' AND state IN ('due', 'deferred', 'sending')
            AND NOT (attempt = 0 AND next_attempt_at > now()) AND cause NOT LIKE '4__ 4.2.%%'
            AND created_at < now() - make_interval(secs => %(stuck_after)s)
        ORDER BY created_at LIMIT %(max_late)s)
    SELECT now() AS at, tried.*, success.last_at AS last_success_at,
        confirmations.waiting + requests.n AS waiting, confirmations.sending,
        requests.n AS requests, requests.oldest_at AS oldest_request_at,
        (SELECT response FROM tries WHERE NOT accepted ORDER BY of_mailbox, id DESC LIMIT 1) AS response,
        -- Since when the person has been waiting who has waited longest: put off or not, but for those whose email is
        -- to leave later on purpose.
        least(requests.oldest_at, (
            SELECT min(created_at) FROM deliveries
            WHERE queue = 'confirmations' AND state IN ('due', 'deferred', 'sending')
                AND NOT (attempt = 0 AND next_attempt_at > now()))) AS oldest_at,
        -- The same without people whose own mailbox is full.
        least(requests.oldest_at, (
            SELECT min(created_at) FROM deliveries
            WHERE queue = 'confirmations' AND state IN ('due', 'deferred', 'sending')
                AND NOT (attempt = 0 AND next_attempt_at > now()) AND cause NOT LIKE '4__ 4.2.%%')) AS oldest_ours_at,
        -- The same of people whose email was not put off: it has not been tried, or is being tried for the first time.
        least(requests.oldest_at, (
            SELECT min(created_at) FROM deliveries
            WHERE queue = 'confirmations' AND state IN ('due', 'deferred', 'sending')
                AND NOT (attempt = 0 AND next_attempt_at > now()) AND cause = '')) AS oldest_untried_at,
        requests.late + (SELECT count(*) FROM late) AS late,
        greatest(requests.late_at, (SELECT max(created_at) FROM late)) AS newest_late_at,
        (SELECT coalesce(json_object_agg(scope, json_build_object(
            'reason', reason, 'seconds', extract(epoch FROM now() - since),
            'seconds_left', extract(epoch FROM until - now()))), '{}')
         -- Without strikes the mail server is only suspected, of what is one provider's trouble so far.
         FROM pauses WHERE strikes > 0 OR domain IS NULL) AS pauses,
        (SELECT coalesce(json_agg(json_build_object(
            'part', part, 'queues', queues, 'threads', threads, 'seconds', extract(epoch FROM now() - seen_at))), '[]')
         FROM heartbeats WHERE seen_at > now() - make_interval(secs => %(expired_after)s)) AS heartbeats,
        (SELECT json_build_object('ok', ok, 'response', response, 'seconds', extract(epoch FROM now() - at))
         FROM probes WHERE name = 'mail server') AS probe,
        (SELECT json_build_object('response', response, 'seconds', extract(epoch FROM now() - since))
         FROM bounce_mailbox_state WHERE problem <> '') AS bounce_mailbox,
        (SELECT coalesce(sum(n), 0)::bigint FROM (
            SELECT n FROM failure_groups WHERE queue = ANY(%(email_queues)s) AND state = 'deferred'
                AND cause = 'not composed'
            UNION ALL SELECT change FROM state_change_log WHERE subject = 'delivery' AND state = 'deferred'
                AND cause = 'not composed') AS held) AS not_composed,
        -- Providers that refuse us: not for one mailbox, as some emails wait for each.
        (SELECT coalesce(json_agg(json_build_object(
            'name', name, 'seconds', extract(epoch FROM now() - since), 'reply_class', reply_class,
            'response', response, 'waiting', waiting) ORDER BY waiting DESC, since), '[]')
         FROM (
            SELECT p.*, (
                SELECT count(*) FROM (
                    SELECT FROM deliveries WHERE parked_for = p.name AND state = 'deferred'
                    LIMIT %(max_waiting)s) AS parked) AS waiting
            FROM mail_providers AS p WHERE state = 'backing_off') AS p
         WHERE waiting >= %(min_waiting)s) AS providers
    FROM requests CROSS JOIN confirmations CROSS JOIN success CROSS JOIN tried
"""
