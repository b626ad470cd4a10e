"""The SQL that applies the erasure journal to the signatures of a restored database.

Of each act, `:ids` are the signatures and `:times` when it was. A statement changes only what was so before the act:
whoever signed, confirmed or agreed again later stays so.
"""

from sqlalchemy import text

ERASE_SQL = text("""
    DELETE FROM signatures AS s USING unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
    WHERE s.id = given.id AND s.created_at <= given.at
    RETURNING s.petition_id, s.id, s.party, s.state
""")

DISOWN_SQL = text("""
    WITH before AS (
        SELECT s.id, s.state, given.at FROM signatures AS s
            JOIN unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at) ON s.id = given.id
        WHERE s.state IN ('pending', 'confirmed', 'quarantined') AND s.requested_at <= given.at
            AND coalesce(s.confirmed_at <= given.at, true)
        FOR UPDATE OF s
    )
    UPDATE signatures AS s SET
        state = 'disowned', ended_at = before.at, updates = false, passed_on = false,
        -- One that was never confirmed keeps its canonical address only: its link may have expired since.
        name = CASE before.state WHEN 'pending' THEN '' ELSE s.name END,
        withheld_name = CASE before.state WHEN 'confirmed' THEN s.withheld_name END,
        email = CASE before.state WHEN 'pending' THEN '' ELSE s.email END,
        organisation = CASE WHEN before.state <> 'pending' THEN s.organisation END,
        profession = CASE WHEN before.state <> 'pending' THEN s.profession END,
        city = CASE WHEN before.state <> 'pending' THEN s.city END,
        postal_code = CASE WHEN before.state <> 'pending' THEN s.postal_code END,
        country = CASE WHEN before.state <> 'pending' THEN s.country END,
        listed = s.listed AND before.state <> 'pending'
    FROM before WHERE s.id = before.id
    RETURNING s.petition_id, s.id, s.party, before.state
""")

WITHDRAW_SQL = text("""
    WITH before AS (
        SELECT s.id, s.state, given.at FROM signatures AS s
            JOIN unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at) ON s.id = given.id
        WHERE s.state IN ('pending', 'confirmed', 'quarantined') AND s.requested_at <= given.at
            AND coalesce(s.confirmed_at <= given.at, true)
        FOR UPDATE OF s
    )
    UPDATE signatures AS s SET state = 'withdrawn', ended_at = before.at, updates = false, passed_on = false
    FROM before WHERE s.id = before.id
    RETURNING s.petition_id, s.id, s.party, before.state
""")

UNSUBSCRIBE_SQL = text("""
    UPDATE signatures AS s SET updates = false
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
    WHERE s.id = given.id AND s.updates AND coalesce(s.updates_at <= given.at, true)
    RETURNING s.petition_id, s.id, s.party, s.state
""")

NOT_SHARE_SQL = text("""
    UPDATE signatures AS s SET passed_on = false
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
    WHERE s.id = given.id AND s.passed_on AND coalesce(s.passed_on_at <= given.at, true)
    RETURNING s.petition_id, s.id, s.party, s.state
""")

UNLIST_SQL = text("""
    UPDATE signatures AS s SET
        listed = false, named_when = CASE WHEN s.withheld_name IS NULL THEN s.named_when ELSE 'never' END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
    WHERE s.id = given.id AND (s.listed OR (s.withheld_name IS NOT NULL AND s.named_when <> 'never'))
    RETURNING s.petition_id, s.id, s.party, s.state
""")

RESTRICT_SQL = text("""
    UPDATE signatures AS s SET
        restricted_at = given.at, listed = false, updates = false,
        named_when = CASE WHEN s.withheld_name IS NULL THEN s.named_when ELSE 'never' END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
    WHERE s.id = given.id AND s.restricted_at IS NULL
    RETURNING s.petition_id, s.id, s.party, s.state
""")

# The news of partners ends with each of these acts.
END_PARTNER_NEWS_SQL = text("""
    UPDATE partner_consents AS c SET ended_at = given.at
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
    WHERE c.signature_id = given.id AND c.ended_at IS NULL AND c.agreed_at <= given.at
""")

SELECT_IDS_SQL = text("SELECT id FROM signatures WHERE id > :after ORDER BY id LIMIT :batch_size")

SUPPRESS_SQL = text("""
    INSERT INTO suppressions (address_hash, reason, created_at)
    SELECT given.address_hash, 'objected', given.at
    FROM unnest(CAST(:hashes AS text[]), CAST(:times AS timestamptz[])) AS given (address_hash, at)
    ON CONFLICT DO NOTHING
    RETURNING address_hash
""")

SELECT_REQUESTS_SQL = text("SELECT id, email_canonical, requested_at FROM sign_requests")

DELETE_REQUESTS_SQL = text("DELETE FROM sign_requests WHERE id = ANY(CAST(:ids AS bigint[]))")
