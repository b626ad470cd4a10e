"""The SQL of retention: signatures and lines on paper anonymised in batches, old emails folded into daily counts."""

from sqlalchemy import text

# Mailings to a petition's signers that are not over: under way, or so lately over that one may be reopened. Drafts too,
# so that whoever locks these rows keeps all of them as they are. One that waits for something to happen is left out: it
# may wait for ever, and finds nobody to send to afterwards.
SELECT_MAILINGS = text("""
    SELECT id FROM mailings
    WHERE segment -> 'petitions' @> to_jsonb(CAST(:petition_id AS bigint))
        AND (state NOT IN ('sent', 'cancelled') OR ended_at > :reopened_since)
        AND NOT (state = 'scheduled' AND trigger IS NOT NULL)
""")
LOCK_MAILINGS = text("""
    SELECT id, name, state FROM mailings
    WHERE segment -> 'petitions' @> to_jsonb(CAST(:petition_id AS bigint))
        AND (state NOT IN ('sent', 'cancelled') OR ended_at > :reopened_since)
        AND NOT (state = 'scheduled' AND trigger IS NOT NULL)
    ORDER BY id FOR SHARE SKIP LOCKED
""")
# Of all petitions, by petition: those under way, for the dry run.
SELECT_MAILINGS_UNDER_WAY = text("""
    SELECT CAST(petitions.id AS bigint) AS petition_id, m.name
    FROM mailings AS m, LATERAL jsonb_array_elements_text(m.segment -> 'petitions') AS petitions (id)
    WHERE m.state IN ('sending', 'paused') OR (m.state = 'scheduled' AND m.trigger IS NULL)
        OR (m.state IN ('sent', 'cancelled') AND m.ended_at > :reopened_since)
    ORDER BY m.id
""")

# The next signatures of a petition, by id, in whatever state; locked for the batch.
LOCK_SIGNATURES = text("""
    SELECT id, party, organisation, email_canonical, restricted_at IS NOT NULL AS restricted FROM signatures
    WHERE petition_id = :petition_id AND id > :position
    ORDER BY id LIMIT :batch_size FOR UPDATE
""")
# Those that were kept back, as their use was restricted.
LOCK_KEPT_BACK = text("""
    SELECT id, party, organisation, email_canonical, restricted_at IS NOT NULL AS restricted FROM signatures
    WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR UPDATE
""")
# By petition, through the partial index: how many have their names and their use restricted, and some of them.
SELECT_RESTRICTED = text("""
    SELECT petition_id, count(*) AS n, (array_agg(id ORDER BY id))[1 : CAST(:shown AS integer)] AS ids FROM signatures
    WHERE restricted_at IS NOT NULL AND anonymised_at IS NULL GROUP BY petition_id
""")

# Take the person out of signatures. What stays: state, party, profession, area (the first two characters of the postal
# code), country, language, source, the wording agreed to, and times to the hour, as the statistics have them. Of an
# organisation its name, place and how it is listed stay as well, and the domain that proved it, if it is its own; the
# person who signed for it goes. Links that were mailed are void. The trigger on updates logs nothing.
ANONYMISE_SIGNATURES = text("""
    UPDATE signatures
    SET name = '', withheld_name = NULL, email = '',
        email_canonical = 'anonymised-' || id
            || CASE WHEN id = ANY(CAST(:own_domain_ids AS bigint[]))
                    THEN '@' || split_part(email_canonical, '@', -1) ELSE '' END,
        city = CASE WHEN party = 'organisation' THEN city END,
        postal_code = CASE WHEN party = 'organisation' THEN postal_code
                           ELSE upper(left(translate(postal_code, ' -', ''), 2)) END,
        confirmed_no = CASE WHEN party = 'organisation' THEN confirmed_no END,
        listed = listed AND party = 'organisation',
        updates = false, passed_on = false, network = NULL, confirmed_same_network = NULL, held_at = NULL,
        reported_at = NULL,
        review = CASE WHEN party = 'organisation' THEN review END,
        created_at = date_trunc('hour', created_at, 'UTC'), requested_at = date_trunc('hour', requested_at, 'UTC'),
        reminded_at = date_trunc('hour', reminded_at, 'UTC'), confirmed_at = date_trunc('hour', confirmed_at, 'UTC'),
        ended_at = date_trunc('hour', ended_at, 'UTC'), quarantined_at = date_trunc('hour', quarantined_at, 'UTC'),
        updates_at = date_trunc('hour', updates_at, 'UTC'),
        passed_on_at = date_trunc('hour', passed_on_at, 'UTC'),
        valid_from = generation + 1, anonymised_at = :now
    WHERE id = ANY(CAST(:ids AS bigint[])) AND anonymised_at IS NULL
""")
DELETE_ADDRESS_CHANGES = text("DELETE FROM address_changes WHERE signature_id = ANY(CAST(:ids AS bigint[]))")
DELETE_PARTNER_CONSENTS = text("DELETE FROM partner_consents WHERE signature_id = ANY(CAST(:ids AS bigint[]))")
DELETE_NAME_REPORTS = text("DELETE FROM name_reports WHERE signature_id = ANY(CAST(:ids AS bigint[]))")

# The next lines on paper, by the index on names: those that are done have none.
ANONYMISE_PAPER = text("""
    UPDATE paper_signatures
    SET name = '', city = NULL, reference = NULL, postal_code = upper(left(translate(postal_code, ' -', ''), 2))
    WHERE id = ANY(ARRAY(
        SELECT id FROM paper_signatures WHERE petition_id = :petition_id AND lower(name) > ''
        ORDER BY lower(name) LIMIT :batch_size FOR UPDATE))
""")
# The names of files, and the problems of their lines, may name somebody.
CLEAR_PAPER_IMPORTS = text("""
    UPDATE paper_imports SET problems = '[]', file_name = '#' || id, content = NULL, columns = NULL, sheet = NULL
    WHERE petition_id = :petition_id
""")
DELETE_PAPER_SCANS = text("""
    DELETE FROM paper_scans USING paper_imports
    WHERE paper_imports.id = paper_scans.import_id AND paper_imports.petition_id = :petition_id
""")

# The emails to signatures, but those that a worker has claimed.
SELECT_DELIVERIES_OF_SIGNATURES = text("""
    SELECT id FROM deliveries
    WHERE subject_id = ANY(CAST(:ids AS bigint[])) AND petition_id = :petition_id AND state <> 'sending'
""")

# Of the next emails by id, those that ended before a moment; and whether any of them is as old, as ids and times
# ascend together. The row of a mailing's email stays as long as its signer's, as the link to unsubscribe needs it.
SELECT_OLD_DELIVERIES = text("""
    WITH next AS (
        SELECT id, kind, subject_id, state, created_at, settled_at FROM deliveries
        WHERE id > :after ORDER BY id LIMIT :batch_size)
    SELECT max(n.id) AS last, coalesce(bool_or(n.created_at < :before), false) AS may_be_more,
        array_agg(n.id) FILTER (
            WHERE n.state IN ('sent', 'failed', 'unknown', 'cancelled', 'suppressed')
                AND coalesce(n.settled_at, n.created_at) < :before
                AND (n.kind <> 'mailing' OR NOT EXISTS (
                    SELECT FROM signatures AS s WHERE s.id = n.subject_id AND s.anonymised_at IS NULL))) AS old
    FROM next AS n
""")

# The oldest attempts, whose ids and times ascend together: of the emails whose rows stay, too.
DELETE_OLD_ATTEMPTS = text("""
    DELETE FROM attempts WHERE id = ANY(ARRAY(
        SELECT id FROM (SELECT id, ended_at FROM attempts ORDER BY id LIMIT :batch_size) AS oldest
        WHERE ended_at < :before))
""")

# Replace emails and their attempts by daily counts. Their mailings count them on: triggers log that rows were deleted,
# and what is added to the log here takes that back. Reports about them keep no hash of the address. Signatures remember
# that they were mailed, as another email to them counts nobody twice.
FOLD_DELIVERIES = text("""
    WITH folded AS (
        DELETE FROM deliveries WHERE id = ANY(CAST(:ids AS bigint[]))
        RETURNING id, petition_id, kind, subject_id, state, mailing_id, attempt,
                  coalesce(settled_at, created_at) AS at),
    attempts_deleted AS (
        DELETE FROM attempts WHERE delivery_id = ANY(CAST(:ids AS bigint[]))),
    reports AS (
        UPDATE bounces SET address_hash = NULL
        WHERE delivery_id = ANY(CAST(:ids AS bigint[])) AND address_hash IS NOT NULL),
    mailed AS (
        UPDATE signatures AS s SET emails_folded = true
        FROM (SELECT id FROM signatures
              WHERE id IN (SELECT subject_id FROM folded WHERE kind = 'confirm_signature' AND state = 'sent')
                  AND NOT emails_folded
              ORDER BY id FOR NO KEY UPDATE) AS m
        WHERE s.id = m.id),
    days AS (
        INSERT INTO delivery_days AS d (day, petition_id, kind, state, mailing_id, emails, attempts)
        SELECT CAST(at AT TIME ZONE 'UTC' AS date), petition_id, kind, state, coalesce(mailing_id, 0),
            count(*), sum(attempt)
        FROM folded GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (day, petition_id, kind, state, mailing_id) DO UPDATE
        SET emails = d.emails + excluded.emails, attempts = d.attempts + excluded.attempts),
    mailings_counted AS (
        INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered)
        SELECT 'mailing', CAST(mailing_id AS text), state, '', '', count(*), 0
        FROM folded WHERE mailing_id IS NOT NULL GROUP BY 2, 3)
    SELECT count(*) FROM folded
""")

# Begin the anonymisation of the petitions of a restored database, as `anonymise.begin` does, at the time at which it
# was begun. A number is never given twice, but a petition of a later time than the entry is another one all the same.
BEGIN_RESTORED_SQL = text("""
    WITH begun AS (
        UPDATE petitions AS p SET
            anonymised_at = given.at,
            closed_at = coalesce(least(p.closed_at, p.closes_at), given.at),
            state = CASE p.state WHEN 'archived' THEN 'archived' ELSE 'closed' END,
            version = p.version + 1
        FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)
        WHERE p.id = given.id AND p.anonymised_at IS NULL AND p.created_at <= given.at
        RETURNING p.id, given.at)
    INSERT INTO petition_retention (petition_id, started_at)
    SELECT id, at FROM begun
    ON CONFLICT (petition_id) DO UPDATE SET started_at = excluded.started_at
    RETURNING petition_id
""")
