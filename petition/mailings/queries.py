"""The SQL of mailings: the audience, the send times, the counts.

The four statements on the audience are made of the same three texts: `AUDIENCE_FROM`, `AGREES`, `IN_SEGMENT`.
tests/mailings/audience/test_segment.py checks that all four select the same signers for every filter.
"""

from sqlalchemy import text

# The signatures that a mailing may go to, each with whether its address got the mailing `:received`.
AUDIENCE_FROM = """FROM signatures AS s
        LEFT JOIN (
            SELECT DISTINCT other.email_canonical
            FROM deliveries AS d JOIN signatures AS other ON other.id = d.subject_id
            WHERE d.mailing_id = CAST(:received AS bigint) AND d.state = 'sent'
        ) AS received ON received.email_canonical = s.email_canonical"""

# Whose signature counts, and who agreed to these news. Of the team's mailings (`:partner` is NULL) what the planner
# leaves of it is `state = 'confirmed' AND updates`: only this literal form matches the partial index
# ix_signatures_updates. A partner's mailing reaches those who agreed to its news on a petition in which it is sender or
# owner now.
AGREES = """s.state = 'confirmed'
          AND (CAST(:partner AS bigint) IS NULL AND s.updates
               OR CAST(:partner AS bigint) IS NOT NULL AND s.restricted_at IS NULL AND s.id IN (
                  SELECT c.signature_id FROM partner_consents AS c JOIN partnerships AS p ON p.id = c.partnership_id
                  WHERE p.partner_id = :partner AND p.left_at IS NULL AND p.role IN ('owner', 'sender')
                    AND c.ended_at IS NULL))"""

# The filters of a segment (`segment_parameters`): a NULL parameter is a filter that was not chosen. PostgreSQL removes
# it while planning, so that the plan is as good as that of a statement without it.
IN_SEGMENT = """s.petition_id = ANY(CAST(:petitions AS bigint[]))
          AND (CAST(:party AS text) IS NULL OR s.party = :party)
          AND (CAST(:languages AS text[]) IS NULL OR s.locale = ANY(CAST(:languages AS text[])))
          AND (CAST(:professions AS text[]) IS NULL
               OR collation_key(s.profession) LIKE ANY(CAST(:professions AS text[])))
          AND (CAST(:country AS text) IS NULL OR s.country = :country)
          AND (CAST(:city AS text) IS NULL OR collation_key(s.city) = :city)
          AND (CAST(:postal_code AS text) IS NULL OR s.postal_code LIKE :postal_code)
          AND (CAST(:confirmed_from AS timestamptz) IS NULL OR s.confirmed_at >= :confirmed_from)
          AND (CAST(:confirmed_before AS timestamptz) IS NULL OR s.confirmed_at < :confirmed_before)
          AND (CAST(:received AS bigint) IS NULL OR received.email_canonical IS NOT NULL)
          AND NOT EXISTS (
            SELECT FROM deliveries AS d JOIN signatures AS other ON other.id = d.subject_id
            WHERE d.mailing_id = CAST(:not_received AS bigint) AND d.state = 'sent'
              AND other.email_canonical = s.email_canonical)"""

# The domain is that of the address as typed, which is what is mailed; that of the canonical address, which is in ASCII,
# where the typed one is not.
#
# A recipient's place is by a hash of the signature's id, so that the order reveals nothing. The send time follows from
# the place: the stage of the send rate (see `send_rate.Stage`) that the place falls into, or the rate of the domain,
# whichever is later. Without a rate, rows are a microsecond apart: that gives them an order, and the index on
# next_attempt_at no long run of equal keys.
MATERIALISE_AUDIENCE = text(f"""
    WITH recipients AS (
        SELECT DISTINCT ON (s.email_canonical) s.id, s.petition_id,
            CAST(substring(CASE WHEN octet_length(s.email) = length(s.email) THEN lower(s.email)
                           ELSE s.email_canonical END FROM '[^@]*$') AS varchar(255)) AS domain
        {AUDIENCE_FROM}
        WHERE {AGREES}
          AND {IN_SEGMENT}
          -- Nobody gets this mailing twice, whatever became of the first delivery.
          AND NOT EXISTS (
            SELECT FROM deliveries AS d JOIN signatures AS other ON other.id = d.subject_id
            WHERE d.mailing_id = :mailing_id AND other.email_canonical = s.email_canonical)
        ORDER BY s.email_canonical, s.id
    ), placed AS (
        SELECT id, petition_id, domain,
            row_number() OVER (ORDER BY hashint8(id)) - 1 AS place,
            row_number() OVER (PARTITION BY domain ORDER BY hashint8(id)) - 1 AS place_in_domain
        FROM recipients
    ), staged AS (
        SELECT *, width_bucket(CAST(place AS float8), CAST(:stage_places AS float8[])) AS stage FROM placed
    )
    INSERT INTO deliveries (kind, queue, petition_id, subject_id, generation, mailing_id, state, attempt, domain,
                            next_attempt_at)
    SELECT 'mailing', 'mailings', petition_id, id, :mailing_id, :mailing_id, 'due', 0, domain,
        CAST(:first_at AS timestamptz) + make_interval(secs => GREATEST(
            place / 1e6,
            (CAST(:stage_seconds AS float8[]))[stage]
                + (place - (CAST(:stage_places AS float8[]))[stage]) * (CAST(:stage_intervals AS float8[]))[stage],
            place_in_domain * CAST(:domain_interval AS float8)))
    FROM staged
""")  # noqa: S608 - constants

# Spread what is left of a mailing again, in its present order, from a given time on.
RESCHEDULE_REMAINING = text("""
    WITH remaining AS (
        SELECT id,
            row_number() OVER (ORDER BY next_attempt_at) - 1 AS place,
            row_number() OVER (PARTITION BY domain ORDER BY next_attempt_at) - 1 AS place_in_domain
        FROM deliveries WHERE mailing_id = :mailing_id AND state = 'due'
    ), staged AS (
        SELECT *, width_bucket(CAST(place AS float8), CAST(:stage_places AS float8[])) AS stage FROM remaining
    )
    UPDATE deliveries AS d
    SET next_attempt_at = CAST(:first_at AS timestamptz) + make_interval(secs => GREATEST(
        place / 1e6,
        (CAST(:stage_seconds AS float8[]))[stage]
            + (place - (CAST(:stage_places AS float8[]))[stage]) * (CAST(:stage_intervals AS float8[]))[stage],
        place_in_domain * CAST(:domain_interval AS float8)))
    FROM staged WHERE d.id = staged.id AND d.state = 'due'
""")

# For each address of the chosen signers its outcome, counted by language and domain: 'recipient', or the reason why it
# gets nothing. Of several signatures of an address, the one that is nearest to getting the mailing decides; among those
# that get it, the first, which is the one that is mailed.
COUNT_AUDIENCE = text(f"""
    WITH chosen AS (
        SELECT s.id, s.email, s.email_canonical, s.locale,
            CASE WHEN {AGREES} THEN 0
                 WHEN s.state = 'confirmed' THEN 1
                 WHEN s.state = 'quarantined' AND s.updates THEN 2
                 WHEN s.state = 'quarantined' THEN 1
                 WHEN s.state = 'pending' THEN 3
                 ELSE 4 END AS rank
        {AUDIENCE_FROM}
        WHERE {IN_SEGMENT}
    ), addresses AS (
        SELECT DISTINCT ON (email_canonical) rank, locale, email, email_canonical
        FROM chosen ORDER BY email_canonical, rank, id
    )
    SELECT
        (ARRAY['recipient', 'no consent', 'quarantined', 'not confirmed', 'withdrawn or struck'])[rank + 1] AS outcome,
        CASE WHEN rank = 0 THEN locale END AS locale,
        CASE WHEN rank = 0 THEN
            substring(CASE WHEN octet_length(email) = length(email) THEN lower(email)
                      ELSE email_canonical END FROM '[^@]*$') END AS domain,
        count(*) AS n
    FROM addresses GROUP BY 1, 2, 3
""")  # noqa: S608 - constants

# The addresses that would be mailed, in batches: each after the last canonical address of the one before.
LIST_ADDRESSES = text(f"""
    SELECT DISTINCT ON (s.email_canonical) s.email_canonical, s.email
    {AUDIENCE_FROM}
    WHERE {AGREES}
      AND {IN_SEGMENT}
      AND s.email_canonical > :after
    ORDER BY s.email_canonical, s.id LIMIT :limit
""")

# A few of those who would be mailed, the latest first, with the columns of `emails.Signer`.
SAMPLE_RECIPIENTS = text(f"""
    SELECT s.id, s.petition_id, s.state, s.updates, s.updates_at, s.name, s.organisation, s.profession, s.city, s.email,
        s.locale, s.generation
    {AUDIENCE_FROM}
    WHERE {AGREES}
      -- Nobody is shown as an example whose name is withheld.
      AND (:withheld_too OR s.withheld_name IS NULL)
      AND {IN_SEGMENT}
    ORDER BY s.id DESC LIMIT :limit
""")

# The deliveries of mailings by state, from what triggers maintain: counts, and the changes not yet added to them.
COUNT_BY_STATE = text("""
    SELECT CAST(queue AS bigint) AS mailing_id, state, n FROM current_state_counts
    WHERE subject = 'mailing' AND queue = ANY(:mailings)
""")

# Which signatures agreed to which partner's news, and when: read again as each of its emails is composed.
SELECT_PARTNER_CONSENTS = text("""
    SELECT c.signature_id, p.partner_id, c.agreed_at
    FROM partner_consents AS c JOIN partnerships AS p ON p.id = c.partnership_id
    WHERE c.signature_id = ANY(CAST(:signatures AS bigint[])) AND c.ended_at IS NULL
        AND p.left_at IS NULL AND p.role IN ('owner', 'sender')
""")

# Signatures that were confirmed on petitions in a week: from the start of a mailing, and before it. From the statistics
# by hour; those of the first hour that came before the start are counted one by one.
COUNT_SIGNATURES_AROUND = text("""
    WITH start AS (
        SELECT CAST(:start AS timestamptz) AS at, date_trunc('hour', CAST(:start AS timestamptz), 'UTC') AS hour
    ), first_hour AS (
        SELECT count(*) AS n FROM signatures, start
        WHERE petition_id = ANY(CAST(:petitions AS bigint[])) AND state = 'confirmed'
            AND confirmed_at >= start.hour AND confirmed_at < start.at
    ), hours AS (
        SELECT coalesce(sum(counted) FILTER (WHERE h.hour >= start.hour), 0) AS after,
               coalesce(sum(counted) FILTER (WHERE h.hour < start.hour), 0) AS before
        FROM campaign_hours AS h, start
        WHERE petition_id = ANY(CAST(:petitions AS bigint[]))
            AND h.hour >= start.hour - interval '7 days' AND h.hour < start.hour + interval '7 days'
    )
    SELECT greatest(hours.after - first_hour.n, 0) AS after, hours.before + first_hour.n AS before
    FROM hours, first_hour
""")

# Why emails failed, were deferred or not sent: the most frequent reasons, each with its latest response in full.
LIST_FAILURE_REASONS = text("""
    SELECT state, coalesce(nullif(cause, ''), reason, '') AS why, count(*) AS n, max(reason) AS response
    FROM (
        SELECT state, cause, reason FROM deliveries
        WHERE mailing_id = :mailing_id AND state IN ('deferred', 'failed', 'unknown', 'cancelled', 'suppressed')
        LIMIT :max_rows
    ) AS problems
    GROUP BY 1, 2 ORDER BY n DESC LIMIT :max_reasons
""")

# Limits of the current transaction for a statement on millions of rows.
SET_LOCAL_LIMITS = text("""
    SELECT set_config('statement_timeout', :statement_timeout, true), set_config('work_mem', :work_mem, true)
""")
