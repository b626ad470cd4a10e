"""The SQL of webhooks."""

from sqlalchemy import text

# Write events for every endpoint that asks for them, in the caller's order. Without an endpoint, nothing is written.
# A paused endpoint gets them when it is resumed. That somebody is no longer to be passed on goes to every endpoint that
# may have got what they wrote, whether it asks or not: it must learn that it must stop.
INSERT_EVENTS = text("""
    INSERT INTO webhook_events (endpoint_id, type, petition_id, signature_id, data, occurred_at)
    SELECT e.id, given.type, given.petition_id, given.signature_id, given.data, given.occurred_at
    FROM unnest(
        CAST(:types AS text[]), CAST(:petition_ids AS bigint[]), CAST(:signature_ids AS bigint[]),
        CAST(:data AS jsonb[]), CAST(:moments AS timestamptz[])
    ) WITH ORDINALITY AS given (type, petition_id, signature_id, data, occurred_at, n)
    JOIN webhook_endpoints AS e ON e.state <> 'disabled'
        AND (given.type = ANY(e.events) OR (given.type = 'passing_on.opted_out' AND e.events && ARRAY[
            'signature.confirmed', 'updates.opted_in', 'updates.opted_out', 'passing_on.opted_in']::varchar[]))
        AND (e.petition_id IS NULL OR e.petition_id = given.petition_id)
    ORDER BY given.n, e.id
    RETURNING id
""")

HAS_ENDPOINTS = text("SELECT EXISTS (SELECT FROM webhook_endpoints WHERE state <> 'disabled')")

# What the signers of a batch consent to now; those that are gone are not returned.
SELECT_CONSENTS = text("""
    SELECT id, updates, passed_on AND restricted_at IS NULL AS passed_on FROM signatures
    WHERE id = ANY(CAST(:ids AS bigint[]))
""")
SELECT_PARTNER_KEYS = text("""
    SELECT s.id, p.key FROM partnerships AS s JOIN partners AS p ON p.id = s.partner_id
    WHERE s.id = ANY(CAST(:ids AS bigint[]))
""")

# Lease an endpoint that has something due, the one that was served longest ago; another worker takes another one.
LEASE_ENDPOINT = text("""
    UPDATE webhook_endpoints SET lease = :lease, leased_until = now() + :length, served_at = now()
    WHERE id = (
        SELECT e.id FROM webhook_endpoints AS e
        WHERE e.state = 'active' AND coalesce(e.leased_until <= now(), true)
            AND coalesce(e.backoff_until <= now(), true)
            AND EXISTS (
                SELECT FROM webhook_events AS v
                WHERE v.endpoint_id = e.id AND v.state = 'due' AND v.next_attempt_at <= now())
        ORDER BY e.served_at NULLS FIRST, e.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
""")

# The next event of an endpoint: the oldest that is due and of whose signature none before it is still due.
NEXT_EVENT = text("""
    SELECT v.id FROM webhook_events AS v
    WHERE v.endpoint_id = :endpoint_id AND v.state = 'due' AND v.next_attempt_at <= now()
        AND NOT EXISTS (
            SELECT FROM webhook_events AS earlier
            WHERE earlier.endpoint_id = v.endpoint_id AND earlier.signature_id = v.signature_id
                AND earlier.state = 'due' AND earlier.id < v.id)
    ORDER BY v.id LIMIT 1
""")

# Record what became of an attempt, where this worker still has the lease; and, in the words of the other queues, in
# the log that operators' statistics are added up from. No row of it counts events in a state, so nothing changes there.
RECORD_ATTEMPT = text("""
    WITH recorded AS (
        UPDATE webhook_events AS v
        SET attempts = attempts + 1, answer = :answer, state = CAST(:state AS varchar),
            settled_at = CASE WHEN CAST(:state AS varchar) = 'due' THEN NULL ELSE now() END,
            next_attempt_at = now() + :retry_after
        FROM webhook_endpoints AS e
        WHERE v.id = :id AND v.state = 'due' AND e.id = v.endpoint_id AND e.lease = :lease
        RETURNING v.state, v.answer, v.created_at)
    INSERT INTO state_change_log (subject, queue, state, cause, domain, bucket, minute, change, entered)
    SELECT 'webhook', 'webhooks',
           CASE state WHEN 'due' THEN 'deferred' WHEN 'delivered' THEN 'sent' ELSE 'failed' END,
           CASE state WHEN 'delivered' THEN '' ELSE answer END, '',
           CASE state WHEN 'delivered' THEN latency_bucket(now() - created_at) END,
           date_trunc('minute', now()), 0, 1
    FROM recorded
""")

# What the attempt says of the endpoint: it answered, or got no answer and is backed off from, or wants no more (410).
RECORD_ANSWERED = text("""
    UPDATE webhook_endpoints SET failures = 0, backoff_until = NULL WHERE id = :id AND lease = :lease AND failures > 0
""")
RECORD_SILENT = text("""
    UPDATE webhook_endpoints SET failures = failures + 1, backoff_until = now() + :backoff
    WHERE id = :id AND lease = :lease
""")
RECORD_GONE = text("""
    UPDATE webhook_endpoints SET state = 'disabled', disabled_at = now() WHERE id = :id AND lease = :lease
""")
RELEASE_ENDPOINT = text("""
    UPDATE webhook_endpoints SET lease = NULL, leased_until = NULL WHERE id = :id AND lease = :lease
""")

# Of events that were given up: the newest, with where they were to go.
SELECT_FAILED = text("""
    SELECT v.id, v.type, v.attempts, v.answer, v.settled_at, v.occurred_at, e.id AS endpoint_id, e.url, e.state
    FROM webhook_events AS v JOIN webhook_endpoints AS e ON e.id = v.endpoint_id
    WHERE v.state = 'failed' ORDER BY v.id DESC LIMIT :limit
""")
COUNT_FAILED = text("SELECT count(*) FROM (SELECT FROM webhook_events WHERE state = 'failed' LIMIT :limit) AS found")

# Have events that were given up sent again, from their first attempt on; or not at all.
REPLAY_EVENTS = text("""
    UPDATE webhook_events
    SET state = 'due', attempts = 0, next_attempt_at = now(), settled_at = NULL
    WHERE state = 'failed' AND (CAST(:id AS bigint) IS NULL OR id = :id) RETURNING id
""")
DISCARD_EVENTS = text("""
    UPDATE webhook_events SET state = 'discarded', settled_at = now()
    WHERE state = 'failed' AND (CAST(:id AS bigint) IS NULL OR id = :id) RETURNING id
""")
DISCARD_DUE = text("UPDATE webhook_events SET state = 'discarded', settled_at = now()"
                   " WHERE endpoint_id = :endpoint_id AND state = 'due'")  # fmt: skip

DELETE_OLD_EVENTS = text("DELETE FROM webhook_events WHERE created_at < :before")
FORGET_OLD_SECRETS = text("""
    UPDATE webhook_endpoints SET old_secret = NULL, old_secret_until = NULL WHERE old_secret_until < now()
""")
