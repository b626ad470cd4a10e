"""SQL of pacing: each statement whole. None runs while no provider is in trouble or limited, but the first."""

from sqlalchemy import text

# The providers that are not mailed at full speed, or whose emails wait: few rows. `waiting`: whether emails wait.
SELECT_WATCHED = text("""
    SELECT name, state, per_hour IS NOT NULL OR max_connections IS NOT NULL AS limited, reply_class, response, waiting
    FROM (
        SELECT p.*, EXISTS (SELECT FROM deliveries WHERE parked_for = p.name AND state = 'deferred') AS waiting
        FROM mail_providers AS p) AS p
    WHERE state <> 'flowing' OR per_hour IS NOT NULL OR max_connections IS NOT NULL OR waiting
        OR (suspicions > 0 AND refused_at > now() - interval '10 minutes')
""")

# Ask how many emails of a claim may leave to each provider now, and take them from its pace: none while it is
# backed off from or all its connections are in use, one as a trial once its back-off is over, else as many as its rate
# allows. Queues that yield get none while confirmations wait for the same provider. Rows are locked in one order, so
# that two workers cannot deadlock.
ADMIT = text("""
    WITH locked AS MATERIALIZED (
        SELECT p.*, w.wanted
        FROM mail_providers AS p JOIN unnest(CAST(:names AS text[]), CAST(:wanted AS bigint[]))
            AS w (name, wanted) ON p.name = w.name
        ORDER BY p.name FOR UPDATE OF p),
    measured AS (
        SELECT locked.*, least(pace, per_hour) AS rate,
               (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(leases)
                WHERE CAST(value #>> '{}' AS timestamptz) > now()) AS live
        FROM locked),
    refilled AS (
        SELECT measured.*, (SELECT count(*) FROM jsonb_object_keys(live)) AS connections,
               -- What was saved up while nothing was sent is ten seconds' worth at most.
               least(greatest(1, rate / 3600 * 10),
                     tokens + greatest(0, extract(epoch FROM now() - refilled_at)) * rate / 3600) AS available
        FROM measured),
    decided AS (
        SELECT refilled.*, CASE
            WHEN backoff_until > now() OR connections >= max_connections THEN 0
            WHEN state = 'backing_off' THEN CASE WHEN connections = 0 THEN least(wanted, 1) ELSE 0 END
            WHEN CAST(:yields_to AS text) IS NOT NULL AND EXISTS (
                SELECT FROM deliveries
                WHERE parked_for = refilled.name AND queue = :yields_to AND state = 'deferred') THEN 0
            WHEN rate IS NULL THEN wanted
            ELSE least(wanted, floor(available)) END AS granted
        FROM refilled)
    UPDATE mail_providers AS p
    SET tokens = coalesce(greatest(0, available - granted), 0), refilled_at = now(),
        leases = live || CASE WHEN granted > 0
            THEN jsonb_build_object(CAST(:token AS text), now() + CAST(:lease AS interval)) ELSE '{}' END
    FROM decided AS d WHERE p.name = d.name
    RETURNING p.name, CAST(d.granted AS bigint) AS granted, p.reply_class, p.response
""")

# Release the connections of a claim, and count what its providers accepted last: an email that is taken ends the
# trial, then the pace grows with each step of time, twofold, or by a tenth beyond half of what was refused before.
FINISH = text("""
    WITH locked AS MATERIALIZED (
        SELECT p.*, f.accepted, f.accepted AND coalesce(p.backoff_until <= now(), true) AS well
        FROM mail_providers AS p JOIN unnest(CAST(:names AS text[]), CAST(:accepted AS boolean[]))
            AS f (name, accepted) ON p.name = f.name
        ORDER BY p.name FOR UPDATE OF p),
    grown AS (
        SELECT locked.*, CASE
            WHEN state = 'backing_off' THEN CAST(:first_pace AS float)
            WHEN pace < coalesce(slow_from, :full_pace) THEN pace * power(2, steps)
            ELSE pace * power(1.1, steps) END AS next_pace
        FROM (SELECT *, least(4, floor(extract(epoch FROM now() - stepped_at) / :step_seconds)) AS steps
              FROM locked) AS locked)
    UPDATE mail_providers AS p
    SET leases = p.leases - CAST(:token AS text),
        suspicions = CASE WHEN g.accepted THEN 0 ELSE p.suspicions END,
        state = CASE WHEN NOT g.well OR g.state = 'flowing' THEN g.state
                     WHEN g.next_pace >= :full_pace THEN 'flowing' ELSE 'growing' END,
        pace = CASE WHEN NOT g.well OR g.state = 'flowing' THEN g.pace
                    WHEN g.next_pace < :full_pace THEN g.next_pace END,
        since = CASE WHEN g.well AND g.state = 'growing' AND g.next_pace >= :full_pace THEN now() ELSE g.since END,
        stepped_at = CASE WHEN g.well AND (g.state = 'backing_off' OR g.steps >= 1) THEN now() ELSE g.stepped_at END,
        tokens = CASE WHEN g.well AND g.state = 'backing_off' THEN 1 ELSE g.tokens END
    FROM grown AS g WHERE p.name = g.name
""")

# Note a rejection that may be about us. From :threshold of them in a row on, of different emails, back off
# from the provider, for a time that doubles with each back-off within an hour; what many threads meet at once is one.
# Whatever is refused while it is tried again causes one too. Returns whether the provider is backed off from.
REFUSE = text("""
    INSERT INTO mail_providers AS p (name, state, since, backoff_until, strikes, suspicions, suspected_id, refused_at,
                                     response, reply_class)
    VALUES (:name, 'flowing', now(), NULL, 0, 1, :delivery_id, now(), :response, :reply_class)
    ON CONFLICT (name) DO UPDATE
    SET (suspicions, suspected_id, refused_at, response, reply_class, state, since, backoff_until, strikes, slow_from,
         pace) = (
        SELECT suspicions, :delivery_id, now(), excluded.response, excluded.reply_class,
               CASE WHEN backs_off THEN 'backing_off' ELSE p.state END,
               CASE WHEN backs_off AND p.state = 'flowing' THEN now() ELSE p.since END,
               CASE WHEN NOT backs_off OR p.backoff_until > now() THEN p.backoff_until
                    ELSE now() + make_interval(secs => least(
                        :max_backoff_seconds, :first_backoff_seconds * power(2, strikes - 1) * (1 + random() / 4))) END,
               CASE WHEN NOT backs_off OR p.backoff_until > now() THEN p.strikes ELSE strikes END,
               CASE WHEN backs_off AND p.state = 'growing' THEN p.pace / 2 ELSE p.slow_from END,
               CASE WHEN backs_off THEN NULL ELSE p.pace END
        FROM (
            SELECT counted.*, p.state = 'backing_off' OR suspicions >= :threshold AS backs_off,
                   CASE WHEN p.refused_at > now() - interval '1 hour' THEN least(p.strikes + 1, 10) ELSE 1 END
                       AS strikes
            FROM (
                SELECT CASE WHEN :took_another OR p.refused_at < now() - interval '10 minutes' THEN 1
                            WHEN p.suspected_id = :delivery_id THEN p.suspicions
                            ELSE least(p.suspicions + 1, 100) END AS suspicions) AS counted) AS next)
    RETURNING state = 'backing_off' AS backs_off
""")

# Clear the providers of closed connections that turned out to be the mail server's doing: they flow as before.
CLEAR_UNCLEAR_REJECTIONS = text("""
    UPDATE mail_providers
    SET state = 'flowing', since = CASE WHEN state = 'flowing' THEN since ELSE now() END, backoff_until = NULL,
        suspicions = 0, suspected_id = NULL, pace = NULL, slow_from = NULL
    WHERE reply_class = :reply_class AND refused_at > now() - interval '10 minutes'
        AND (state <> 'flowing' OR suspicions > 0)
""")

# Let emails that wait for their provider go, as many as may leave now, those first that have waited longest since they
# were tried. Whether one is sent is decided when it is claimed.
RELEASE_PARKED = text("""
    WITH open AS (
        SELECT name, CASE WHEN state = 'backing_off' THEN 1 WHEN rate IS NULL THEN :most
                          ELSE least(:most, floor(least(greatest(1, rate / 3600 * 10),
                              tokens + greatest(0, extract(epoch FROM now() - refilled_at)) * rate / 3600))) END AS n
        FROM (SELECT *, least(pace, per_hour) AS rate,
                     (SELECT count(*) FROM jsonb_each(leases) WHERE CAST(value #>> '{}' AS timestamptz) > now())
                         AS connections
              FROM mail_providers
              WHERE coalesce(backoff_until <= now(), true)) AS p
        WHERE connections < coalesce(CASE WHEN state = 'backing_off' THEN 1 END, max_connections, 32767)),
    chosen AS MATERIALIZED (
        SELECT parked.id FROM open CROSS JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE parked_for = open.name AND queue = :queue AND state = 'deferred'
            ORDER BY tried_at LIMIT CAST(open.n AS bigint) FOR UPDATE SKIP LOCKED) AS parked)
    UPDATE deliveries AS d SET next_attempt_at = now(), parked_for = NULL
    FROM chosen WHERE d.id = chosen.id
    RETURNING d.id
""")

# Who serves domains, as far as DNS was asked and its answer is not old.
SELECT_DOMAINS = text("""
    SELECT domain, provider FROM mail_domains WHERE domain = ANY(CAST(:domains AS text[])) AND expires_at > now()
""")
STORE_DOMAINS = text("""
    INSERT INTO mail_domains (domain, provider, expires_at)
    SELECT domain, provider, now() + make_interval(secs => seconds)
    FROM unnest(CAST(:domains AS text[]), CAST(:providers AS text[]), CAST(:seconds AS float[]))
        AS d (domain, provider, seconds)
    ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET provider = excluded.provider, expires_at = excluded.expires_at
""")

# For operators: providers in trouble, limited, or that emails wait for, the longest trouble first; how many emails
# wait, counted up to :most.
LIST_PROVIDERS = text("""
    SELECT * FROM (
        SELECT p.name, p.state, p.since, p.backoff_until, p.strikes, p.refused_at, p.response, p.reply_class, p.pace,
               p.per_hour, p.max_connections, p.set_by,
               (SELECT count(*) FROM (
                    SELECT FROM deliveries WHERE parked_for = p.name AND state = 'deferred' LIMIT :most) AS parked)
                   AS waiting
        FROM mail_providers AS p) AS p
    WHERE state <> 'flowing' OR per_hour IS NOT NULL OR max_connections IS NOT NULL OR waiting > 0
    ORDER BY state = 'flowing', since, name LIMIT :limit
""")

# After the system clock moved back: no back-off from a provider is longer than it may be.
REPAIR_FUTURE_BACKOFFS = text("""
    UPDATE mail_providers
    SET backoff_until = least(backoff_until, now() + make_interval(secs => :max_seconds)),
        refilled_at = least(refilled_at, now()), stepped_at = least(stepped_at, now()),
        refused_at = least(refused_at, now())
    WHERE backoff_until > now() + make_interval(secs => :max_seconds) OR refilled_at > now() OR stepped_at > now()
        OR refused_at > now()
""")

# Forget providers that have not been in trouble for a while, and domains that are to be looked up again.
DELETE_OLD_PROVIDERS = text("""
    DELETE FROM mail_providers AS p
    WHERE (state = 'flowing' OR refused_at < now() - CAST(:retention AS interval))
        AND per_hour IS NULL AND max_connections IS NULL
        AND coalesce(refused_at, since) < now() - CAST(:retention AS interval)
        AND NOT EXISTS (SELECT FROM deliveries WHERE parked_for = p.name AND state = 'deferred')
""")
DELETE_OLD_DOMAINS = text("DELETE FROM mail_domains WHERE expires_at < now()")
