"""SQL of the outbox and its worker: each statement whole, in the order in which a delivery meets them."""

from sqlalchemy import text

# Insert deliveries of one kind, each once per subject and generation. An email of an earlier generation that still
# waits is cancelled: when mail flows again, nobody gets two.
ENQUEUE = text("""
    WITH recipients AS (
        SELECT * FROM unnest(
            CAST(:petition_id AS bigint[]), CAST(:subject_id AS bigint[]), CAST(:generation AS bigint[]))
        AS r (petition_id, subject_id, generation)),
    superseded AS (
        UPDATE deliveries AS d SET state = 'cancelled', settled_at = now(), reason = 'a later one takes its place'
        FROM recipients AS r
        WHERE d.subject_id = r.subject_id AND d.kind = :kind AND d.generation < r.generation
            AND d.state IN ('due', 'deferred'))
    INSERT INTO deliveries (kind, queue, state, attempt, request_id, next_attempt_at,
                            created_at, petition_id, subject_id, generation)
    SELECT CAST(:kind AS text), CAST(:queue AS text), 'due', 0, CAST(:request_id AS text),
           coalesce(CAST(:requested_at AS timestamptz), now()), coalesce(CAST(:requested_at AS timestamptz), now()),
           petition_id, subject_id, generation
    FROM recipients
    ON CONFLICT (kind, subject_id, generation) DO NOTHING
    RETURNING id
""")

# The emails of some queues to a subject of a petition (the team's have none) since a moment: how many, when the last
# was enqueued or settled, and whether one still waits.
SELECT_RECENT_EMAILS = text("""
    SELECT count(*) AS emails, max(coalesce(settled_at, created_at)) AS last_at,
           coalesce(bool_or(state IN ('due', 'deferred', 'sending')), false) AS has_waiting
    FROM deliveries
    WHERE subject_id = :subject_id AND petition_id > 0 AND queue = ANY(:queues) AND created_at >= :since
""")

# Claim the rows of a queue that have been due longest, unless the queue, everything or the mail server is paused. Says
# of each whether it was claimed, and so counted against the budgets, before.
CLAIM_DUE = text("""
    WITH picked AS MATERIALIZED (
        SELECT id, budgeted FROM deliveries
        WHERE queue = :queue AND state IN ('due', 'deferred') AND next_attempt_at <= now()
            AND NOT EXISTS (
                SELECT FROM pauses
                WHERE scope IN (:queue, :everything, :server) AND (until IS NULL OR until > now()))
        ORDER BY next_attempt_at LIMIT :batch_size FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE deliveries AS d
        SET state = 'sending', attempt = attempt + 1, claim_token = :token, claimed_by = :worker, begun = false,
            lease_until = now() + :lease, budgeted = true
        FROM picked WHERE d.id = picked.id
        RETURNING d.*, picked.budgeted AS was_budgeted)
    -- RETURNING promises no order.
    SELECT id, kind, petition_id, subject_id, generation, mailing_id, attempt, request_id,
        address_hash, was_budgeted
    FROM claimed ORDER BY next_attempt_at, id
""")

# The same for mailings, one mailing after another in random order, so that none waits for a longer one. The rows of a
# mailing that is not being sent, however many, are not read. Delivery knows nothing of mailings but this state.
CLAIM_DUE_BY_MAILING = text("""
    WITH picked AS MATERIALIZED (
        SELECT due.id
        FROM (SELECT id FROM mailings WHERE state = 'sending' ORDER BY random()) AS m, LATERAL (
            SELECT id FROM deliveries
            WHERE mailing_id = m.id AND queue = :queue AND state IN ('due', 'deferred') AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT :batch_size FOR UPDATE SKIP LOCKED) AS due
        WHERE NOT EXISTS (
            SELECT FROM pauses
            WHERE scope IN (:queue, :everything, :server) AND (until IS NULL OR until > now()))
        LIMIT :batch_size),
    claimed AS (
        UPDATE deliveries AS d
        SET state = 'sending', attempt = attempt + 1, claim_token = :token, claimed_by = :worker, begun = false,
            lease_until = now() + :lease
        FROM picked WHERE d.id = picked.id
        RETURNING d.*)
    SELECT id, kind, petition_id, subject_id, generation, mailing_id, attempt, request_id,
        address_hash, budgeted
    FROM claimed ORDER BY next_attempt_at, id
""")

# Count emails against the budgets of their mailboxes, then those that fit against the budgets of the domains; return
# how many of each fit. A window starts with its first email, and over again once it is over. Rows are locked in one
# order, so that two workers cannot deadlock.
RESERVE_EMAILS = text("""
    WITH wanted AS (
        SELECT mailbox, domain, emails
        FROM unnest(CAST(:mailboxes AS text[]), CAST(:domains AS text[]), CAST(:wanted AS bigint[]))
            AS w (mailbox, domain, emails)),
    mailboxes AS (
        INSERT INTO email_budgets AS b (key_hash, started_at, emails, granted)
        SELECT mailbox, now(), least(emails, :mailbox_limit), least(emails, :mailbox_limit)
        FROM wanted ORDER BY mailbox
        ON CONFLICT (key_hash) DO UPDATE SET (started_at, emails, granted) = (
            SELECT CASE WHEN used.emails IS NULL THEN excluded.started_at ELSE b.started_at END,
                   coalesce(used.emails, 0) + fit.emails, fit.emails
            FROM (SELECT CASE WHEN b.started_at > now() - CAST(:mailbox_window AS interval) THEN b.emails END)
                    AS used (emails),
                LATERAL (SELECT greatest(0, least(
                    excluded.emails, :mailbox_limit - coalesce(used.emails, 0)))) AS fit (emails))
        RETURNING key_hash, granted),
    domains AS (
        INSERT INTO email_budgets AS b (key_hash, started_at, emails, granted)
        SELECT domain, now(), least(sum(granted), :domain_limit), least(sum(granted), :domain_limit)
        FROM wanted JOIN mailboxes ON key_hash = mailbox
        WHERE domain IS NOT NULL
        GROUP BY domain ORDER BY domain
        ON CONFLICT (key_hash) DO UPDATE SET (started_at, emails, granted) = (
            SELECT CASE WHEN used.emails IS NULL THEN excluded.started_at ELSE b.started_at END,
                   coalesce(used.emails, 0) + fit.emails, fit.emails
            FROM (SELECT CASE WHEN b.started_at > now() - CAST(:domain_window AS interval) THEN b.emails END)
                    AS used (emails),
                LATERAL (SELECT greatest(0, least(
                    excluded.emails, :domain_limit - coalesce(used.emails, 0)))) AS fit (emails))
        RETURNING key_hash, granted)
    SELECT key_hash, granted FROM mailboxes UNION ALL SELECT key_hash, granted FROM domains
""")

# Record outcomes under their claim token, with one attempt for each that was tried; end the mail server's back-off, and
# what is suspected of it, once it answered to an email, be it a rejection; mark the next rows as begun, with the hash
# of the address that each goes to. One statement: it runs for every few emails.
RECORD_RESULTS = text("""
    WITH outcomes AS (
        SELECT * FROM json_to_recordset(CAST(:outcomes AS json)) AS o (
            id bigint, state text, attempt smallint, next_attempt_at timestamptz, settled_at timestamptz,
            tried_at timestamptz, smtp_code smallint, reason text, cause text, parked_for text, domain text,
            address_hash text, attempted boolean, attempt_state text, response text)),
    recorded AS (
        UPDATE deliveries AS d
        SET state = o.state, attempt = o.attempt, next_attempt_at = o.next_attempt_at, settled_at = o.settled_at,
            tried_at = o.tried_at, smtp_code = o.smtp_code, reason = o.reason, cause = o.cause,
            parked_for = o.parked_for,
            -- An email that was not composed has no domain; a mailing's row has had one from the start.
            domain = coalesce(o.domain, d.domain), address_hash = coalesce(o.address_hash, d.address_hash),
            claim_token = NULL, lease_until = NULL
        -- The ids once more: the planner cannot know how few outcomes there are, and would read the whole table.
        FROM outcomes AS o WHERE d.id = o.id AND d.id = ANY(CAST(:ids AS bigint[])) AND d.claim_token = :token
        RETURNING d.id),
    attempted AS (
        INSERT INTO attempts (delivery_id, woken_at, woken_by, claimed_at, worker, ended_at, state, smtp_code, response)
        SELECT id, CAST(:woken_at AS timestamptz), :woken_by, CAST(:claimed_at AS timestamptz), :worker, tried_at,
               attempt_state, smtp_code, response
        FROM recorded JOIN outcomes USING (id) WHERE attempted),
    server_recovered AS (
        DELETE FROM pauses WHERE scope = ANY(CAST(:answered AS text[]))),
    begun AS (
        UPDATE deliveries AS d SET begun = true, address_hash = coalesce(b.address_hash, d.address_hash)
        FROM unnest(CAST(:begin_ids AS bigint[]), CAST(:begin_hashes AS text[])) AS b (id, address_hash)
        WHERE d.id = b.id AND d.id = ANY(CAST(:begin_ids AS bigint[])) AND d.claim_token = :token RETURNING d.id)
    SELECT (SELECT count(*) FROM recorded), ARRAY(SELECT id FROM begun)
""")

# Make deferred emails due whose cause is over, some at a time: those whose turn is next first, which an index finds.
# The attempt that follows takes the place of the one that the outage cost.
HASTEN_DEFERRED = text("""
    UPDATE deliveries SET next_attempt_at = now(), attempt = greatest(attempt - 1, 0)
    WHERE id IN (
        SELECT id FROM deliveries
        WHERE queue = :queue AND state = 'deferred' AND next_attempt_at > now() AND parked_for IS NULL
            AND (cause = :cause OR (:any_connection AND cause !~ '^[0-9]'))  -- a reply's cause begins with its code
            AND (CAST(:domains AS text[]) IS NULL OR domain = ANY(CAST(:domains AS text[])))
        ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")

# Settle the rows of workers that died. A row that was begun is `unknown` where an email must not be sent twice; one
# that used up its attempts fails, as it may be what its workers die of; any other is due again.
RECOVER_EXPIRED_LEASES = text("""
    WITH recovered AS (
        UPDATE deliveries
        SET state = CASE WHEN begun AND NOT :send_again THEN 'unknown'
                         WHEN attempt >= :max_attempts THEN 'failed' ELSE 'due' END,
            settled_at = CASE WHEN (begun AND NOT :send_again) OR attempt >= :max_attempts THEN now() END,
            tried_at = now(), reason = :reason, cause = :cause, claim_token = NULL, lease_until = NULL
        WHERE state = 'sending' AND lease_until < now() AND queue = :queue
        RETURNING id, state, claimed_by)
    INSERT INTO attempts (delivery_id, worker, ended_at, state, response)
    SELECT id, claimed_by, now(), state, :reason FROM recovered
    RETURNING id
""")

# Release claimed rows that were not tried: due, or deferred if an earlier attempt failed; the attempt does not count.
RELEASE_CLAIMS = text("""
    UPDATE deliveries
    SET state = CASE WHEN cause = '' THEN 'due' ELSE 'deferred' END, attempt = attempt - 1,
        claim_token = NULL, lease_until = NULL
    WHERE id = ANY(CAST(:ids AS bigint[])) AND claim_token = :token
""")

# Pause all sending for a time that doubles with each failure in a row. Many threads fail at once on the same trouble:
# while a back-off lasts, another failure does not lengthen it. After ten minutes without news the next is the first.
BACK_OFF_SERVER = text("""
    INSERT INTO pauses (scope, reason, until, strikes)
    VALUES (:server, :reason, now() + interval '1 second', 1)
    ON CONFLICT (scope) DO UPDATE
    SET reason = excluded.reason, domain = NULL,
        since = CASE WHEN pauses.strikes > 0 AND pauses.until > now() - interval '10 minutes' THEN pauses.since
                     ELSE now() END,
        strikes = CASE WHEN pauses.until > now() - interval '10 minutes' THEN least(pauses.strikes + 1, 10) ELSE 1 END,
        until = now() + CASE
            WHEN pauses.until > now() - interval '10 minutes'
            THEN make_interval(secs => least(:max_seconds, power(2, pauses.strikes))) ELSE interval '1 second' END
    WHERE pauses.until <= now()
""")

# Note that mail to a provider was refused in a way that may be our server's trouble: a row without strikes, whose pause
# is over at once. Where another provider's mail was refused before, and the server has not answered any email since
# (which deletes the row), it is the server's: the pause grows as above, with each such rejection after its end, whoever
# it is of. Many rejections of one provider stay its own.
REPORT_REJECTION = text("""
    INSERT INTO pauses AS p (scope, reason, until, strikes, domain)
    VALUES (:server, :reason, now(), 0, :domain)
    ON CONFLICT (scope) DO UPDATE
    SET (reason, domain, since, strikes, until) = (
        SELECT excluded.reason, CASE WHEN is_servers THEN NULL ELSE excluded.domain END,
               CASE WHEN is_recent AND p.strikes > 0 THEN p.since ELSE now() END,
               CASE WHEN is_servers THEN least(p.strikes + 1, 10) ELSE 0 END,
               now() + CASE WHEN is_servers THEN make_interval(secs => least(:max_seconds, power(2, p.strikes)))
                            ELSE interval '0' END
        FROM (SELECT p.until > now() - interval '10 minutes' AS is_recent) AS r,
             LATERAL (SELECT is_recent AND (p.strikes > 0 OR p.domain <> excluded.domain) AS is_servers) AS s)
    WHERE p.until <= now()
    RETURNING p.until > now()
""")

# The relays that are backed off from; `tried`: its time has come, and the caller tries it, the next one 15 s later.
SELECT_RELAYS_BACKING_OFF = text("""
    WITH tried AS (
        UPDATE pauses SET until = now() + interval '15 seconds'
        WHERE scope LIKE 'server %' AND strikes > 0 AND until <= now()
        RETURNING scope)
    SELECT scope, scope IN (SELECT scope FROM tried) AS tried
    FROM pauses WHERE scope LIKE 'server %' AND strikes > 0
""")

# After the system clock moved back: each email waits as long from now on as it was meant to wait. Mailings are left
# out, as they follow the schedule of their send rate.
REPAIR_FUTURE_DELIVERIES = text("""
    UPDATE deliveries SET next_attempt_at = now() + (next_attempt_at - coalesce(tried_at, created_at)),
        created_at = least(created_at, now()), tried_at = least(tried_at, now())
    WHERE queue = ANY(:queues) AND state IN ('due', 'deferred') AND next_attempt_at > now()
        AND coalesce(tried_at, created_at) > now()
""")
REPAIR_FUTURE_LEASES = text("""
    UPDATE deliveries SET lease_until = now() + :lease WHERE state = 'sending' AND lease_until > now() + :lease
""")
END_FUTURE_BACK_OFF = text("""
    DELETE FROM pauses
    WHERE (scope = :server OR scope LIKE 'server %') AND until > now() + make_interval(secs => :max_seconds)
""")
