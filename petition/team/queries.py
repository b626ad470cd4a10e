"""SQL of signing in: attempts and their limits, sessions, requests for links."""

from sqlalchemy import text

# One attempt on a subject after another, so that those that come at once are all counted. Until the end of the
# transaction, which is committed before the password or code is checked.
LOCK_SUBJECT = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 7226104))")

# The attempts on a subject within a day: from this network lately, from this network, and from networks where it was
# never signed in to ("strange"); since when, and whether this network is a known one. Under every secret key: those
# from before a key rotation count too.
COUNT_ATTEMPTS = text("""
    SELECT
        count(*) FILTER (WHERE a.network = ANY(:networks) AND a.attempted_at > :recently) AS recent,
        min(a.attempted_at) FILTER (WHERE a.network = ANY(:networks) AND a.attempted_at > :recently) AS recent_since,
        count(*) FILTER (WHERE a.network = ANY(:networks)) AS today,
        min(a.attempted_at) FILTER (WHERE a.network = ANY(:networks)) AS today_since,
        count(*) FILTER (WHERE known.network IS NULL) AS strange,
        min(a.attempted_at) FILTER (WHERE known.network IS NULL) AS strange_since,
        EXISTS (
            SELECT FROM sign_in_networks WHERE subject = ANY(:subjects) AND network = ANY(:networks)) AS is_known
    FROM sign_in_attempts AS a
    LEFT JOIN (SELECT DISTINCT network FROM sign_in_networks WHERE subject = ANY(:subjects)) AS known
        ON known.network = a.network
    WHERE a.subject = ANY(:subjects) AND a.attempted_at > :day_ago
""")

INSERT_ATTEMPT = text("""
    INSERT INTO sign_in_attempts (subject, network, attempted_at) VALUES (:subject, :network, :now) RETURNING id
""")

# Remember that an account was signed in to from a network.
UPSERT_NETWORK = text("""
    INSERT INTO sign_in_networks (subject, network, seen_at) VALUES (:subject, :network, :now)
    ON CONFLICT (subject, network) DO UPDATE SET seen_at = excluded.seen_at
""")

# Add a failed sign-in to the audit trail; no row without an account, so that both take the same statements.
INSERT_FAILURE_EVENT = text("""
    INSERT INTO audit_events (account_id, actor, action, subject, subject_id, request_id)
    SELECT NULL, email, 'sign-in.failed', 'account', id::text, :request_id FROM accounts WHERE id = :account_id
""")

# Note that a session is in use, at most once per interval.
TOUCH_SESSION = text("""
    UPDATE team_sessions SET last_seen_at = :now WHERE id = :id AND last_seen_at < :seen_before RETURNING id
""")

# Take requests for links out of the table; those that another worker holds are left to it.
TAKE_LINK_REQUESTS = text("""
    DELETE FROM link_requests WHERE id IN (
        SELECT id FROM link_requests ORDER BY id LIMIT :batch_size FOR UPDATE SKIP LOCKED)
    RETURNING address
""")

# The accounts among these that were mailed a link often enough since a moment.
SELECT_ACCOUNTS_WITH_LINKS = text("""
    SELECT subject_id::bigint FROM audit_events
    WHERE subject = 'account' AND subject_id = ANY(:account_ids) AND action = 'link.asked' AND at > :since
    GROUP BY subject_id HAVING count(*) >= :max_links
""")

DELETE_OLD_SESSIONS = text("""
    DELETE FROM team_sessions
    WHERE revoked_at IS NOT NULL OR created_at < :created_before OR last_seen_at < :seen_before
""")

DELETE_OLD_ATTEMPTS = text("DELETE FROM sign_in_attempts WHERE attempted_at < :before")

DELETE_OLD_NETWORKS = text("DELETE FROM sign_in_networks WHERE seen_at < :before")

# Note that a token of the API is in use, at most once per interval.
TOUCH_TOKEN = text("""
    UPDATE api_tokens SET last_used_at = :now
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :used_before) RETURNING id
""")

DELETE_OLD_TOKENS = text("DELETE FROM api_tokens WHERE revoked_at < :before OR expires_at < :before")
