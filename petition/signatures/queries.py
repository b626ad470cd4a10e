"""The SQL of signing and confirming.

Raw SQL, because these are hot paths: a request is recorded, and a signature confirmed, in one statement, which is one
round trip and one transaction (measured in docs/performance); requests become signatures by the batch.
"""

from sqlalchemy import text

# Record a request to sign. No row: the petition changed since the caller read it (its version differs), and may be
# closed. Whether there is a signature already does not matter here: the statement takes as long for every address.
INSERT_SIGN_REQUEST_SQL = text("""
    INSERT INTO sign_requests (
        petition_id, party, name, organisation, email, email_canonical, profession, city, postal_code, country, locale,
        listed, updates, updates_wording_id, passed_on, passed_on_wording_id, source, network, request_id, review,
        named_when, named_from, team_sees_name, partner_consents
    )
    SELECT
        id, :party, :name, :organisation, :email, :email_canonical, :profession, :city, :postal_code, :country, :locale,
        :listed, :updates, :updates_wording_id, :passed_on, :passed_on_wording_id, :source, :network, :request_id,
        :review, :named_when, :named_from, :team_sees_name, CAST(:partner_consents AS jsonb)
    FROM petitions
    WHERE id = :petition_id AND version = :version
    RETURNING id
""")

# Whether a request waits: one read of the primary key.
EXISTS_SIGN_REQUEST_SQL = text("""
    SELECT id FROM sign_requests WHERE retry_at IS NULL OR retry_at <= now() ORDER BY id LIMIT 1
""")
SELECT_SIGN_REQUESTS_SQL = text("""
    SELECT id FROM sign_requests WHERE retry_at IS NULL OR retry_at <= now() ORDER BY id LIMIT :batch_size
""")
POSTPONE_SIGN_REQUEST_SQL = text("UPDATE sign_requests SET retry_at = now() + :retry_after WHERE id = :id")

# One worker at a time processes requests. A statement of its own, as the next one must see what was committed before;
# the timeout holds for this and every other lock of the transaction.
LOCK_SIGN_REQUESTS_SQL = text("""
    SELECT set_config('lock_timeout', :milliseconds, true), pg_advisory_xact_lock(:key)
""")

# Take the oldest requests, or one; insert a pending signature for the first of each petition, party and mailbox, with
# the delivery of its confirmation link. Returns every request in order. Those that are not `is_new` repeat another of
# the batch, or their signature exists already: the caller refreshes it. Times and the request's id are those of the
# moment of signing, so that what is measured from there includes the wait.
PROCESS_SIGN_REQUESTS_SQL = text("""
    WITH batch AS (
        DELETE FROM sign_requests
        WHERE id = ANY(ARRAY(
            SELECT id FROM sign_requests
            WHERE (retry_at IS NULL OR retry_at <= now())
                AND (CAST(:only AS bigint) IS NULL OR id = CAST(:only AS bigint))
            ORDER BY id LIMIT :batch_size))
        RETURNING *
    ),
    firsts AS (
        SELECT DISTINCT ON (petition_id, party, email_canonical) *
        FROM batch ORDER BY petition_id, party, email_canonical, id
    ),
    new_signatures AS (
        INSERT INTO signatures (
            petition_id, state, generation, valid_from, party, name, organisation, profession, city, postal_code,
            country, listed, updates, updates_wording_id, updates_at, locale, email, email_canonical, source, network,
            created_at, requested_at, review, named_when, named_from, team_sees_name, withheld_name,
            passed_on, passed_on_wording_id, passed_on_at
        )
        SELECT
            petition_id, 'pending', 1, 1, party,
            CASE WHEN named_when IS NULL THEN name ELSE '' END, organisation, profession, city, postal_code, country,
            listed, updates, updates_wording_id, CASE WHEN updates THEN requested_at END, locale, email,
            email_canonical, source, network, requested_at, requested_at, review, named_when, named_from,
            team_sees_name, CASE WHEN named_when IS NOT NULL THEN name END,
            passed_on, passed_on_wording_id, CASE WHEN passed_on THEN requested_at END
        FROM firsts ORDER BY id
        ON CONFLICT (petition_id, party, email_canonical) DO NOTHING
        RETURNING id, petition_id, party, email_canonical, generation
    ),
    inserted AS (
        SELECT f.id AS request, f.petition_id, s.id, s.generation, f.request_id, f.requested_at
        FROM new_signatures AS s JOIN firsts AS f USING (petition_id, party, email_canonical)
    ),
    new_deliveries AS (
        INSERT INTO deliveries (
            kind, queue, state, attempt, request_id, next_attempt_at, petition_id, subject_id, generation, created_at
        )
        SELECT
            'confirm_signature', 'confirmations', 'due', 0, request_id, requested_at, petition_id, id, generation,
            requested_at
        FROM inserted ORDER BY request
    )
    SELECT
        b.*, CASE WHEN b.updates THEN b.requested_at END AS updates_at,
        CASE WHEN b.passed_on THEN b.requested_at END AS passed_on_at, i.id IS NOT NULL AS is_new,
        i.id AS signature_id
    FROM batch AS b LEFT JOIN inserted AS i ON i.request = b.id
    ORDER BY b.id
""")

# Lock the signature that exists already. No row: it was deleted meanwhile.
LOCK_SIGNATURE_SQL = text("""
    SELECT
        id, state, generation, valid_from, party, coalesce(withheld_name, name) AS name, organisation, profession, city,
        postal_code, country, listed, updates, updates_wording_id, updates_at, passed_on, passed_on_wording_id,
        passed_on_at, locale, email, network, review,
        named_when, named_from, team_sees_name
    FROM signatures
    WHERE petition_id = :petition_id AND party = :party AND email_canonical = :email_canonical
    FOR UPDATE
""")

# Replace the details of a pending signature, or make a withdrawn one pending again, as if it had never been confirmed.
REFRESH_SIGNATURE_SQL = text("""
    UPDATE signatures
    SET party = :party, name = CASE WHEN CAST(:named_when AS text) IS NULL THEN :name ELSE '' END,
        withheld_name = CASE WHEN CAST(:named_when AS text) IS NOT NULL THEN :name END,
        named_when = :named_when, named_from = :named_from, named_at = NULL, team_sees_name = :team_sees_name,
        organisation = :organisation, profession = :profession, city = :city,
        postal_code = :postal_code, country = :country, listed = :listed, updates = :updates,
        updates_wording_id = :updates_wording_id, updates_at = :updates_at, passed_on = :passed_on,
        passed_on_wording_id = :passed_on_wording_id, passed_on_at = :passed_on_at, locale = :locale, email = :email,
        network = :network, requested_at = greatest(requested_at, :requested_at), generation = :generation,
        valid_from = :valid_from, state = 'pending', ended_at = NULL, confirmed_at = NULL, confirmed_no = NULL,
        confirmed_same_network = NULL, held_at = NULL,
        reminded_at = CASE state WHEN 'pending' THEN reminded_at END,
        review = CASE WHEN review = 'rejected' THEN 'waiting' ELSE CAST(:review AS text) END, reported_at = NULL
    WHERE id = :id
""")

# Number one more link of a signature.
SET_GENERATION_SQL = text("UPDATE signatures SET generation = :generation WHERE id = :id")

# Confirm the signature that a link is for, and count it. No row unless the link is valid, the signature pending, the
# petition open and, with `seen`, the details those that the confirmation page showed. Nor where the press looks like a
# machine's (`presses`): it came too soon, from another network than the signer's.
# The hash is that of `fingerprint.compute_fingerprint`, value by value. The slot is that of `counters.increment`.
CONFIRM_BY_LINK_SQL = text("""
    WITH confirmed AS (
        UPDATE signatures AS s
        SET state = 'confirmed', confirmed_at = now(), confirmed_no = nextval('confirmation_numbers'),
            confirmed_same_network = s.network = ANY(CAST(:networks AS text[]))
        FROM petitions AS p
        WHERE s.id = :id AND s.state = 'pending' AND :generation BETWEEN s.valid_from AND s.generation
            AND p.id = s.petition_id AND p.state = 'open'
            AND coalesce(least(p.closes_at, p.closed_at) > now(), true)
            AND (:is_read OR coalesce(s.network = ANY(CAST(:networks AS text[])), true))
            AND (CAST(:seen AS text) IS NULL OR CAST(:seen AS text) = md5(concat_ws(
                chr(31),
                CAST(:salt AS text),
                coalesce(CAST(s.party AS text), chr(30)),
                coalesce(CAST(s.withheld_name AS text), CAST(s.name AS text), chr(30)),
                coalesce(CAST(s.profession AS text), chr(30)),
                coalesce(CAST(s.organisation AS text), chr(30)),
                coalesce(CAST(s.city AS text), chr(30)),
                coalesce(s.named_when, CAST(s.listed AS text), chr(30)),
                coalesce(CAST(s.updates AS text), chr(30)),
                coalesce(CAST(s.email AS text), chr(30))
            )))
        RETURNING s.id, s.petition_id, s.generation, s.party
    ),
    incremented AS (
        INSERT INTO petition_counts AS counts (petition_id, slot, people, organisations)
        SELECT petition_id, id % :counter_slots, (party = 'person')::int, (party = 'organisation')::int
        FROM confirmed
        ON CONFLICT (petition_id, slot) DO UPDATE
        SET people = counts.people + excluded.people, organisations = counts.organisations + excluded.organisations
    )
    SELECT id, generation FROM confirmed
""")

# Note of a signature that was confirmed in another way what the statement above notes.
NOTE_CONFIRMATION_SQL = text("""
    UPDATE signatures AS s
    SET confirmed_same_network = s.network = ANY(CAST(:networks AS text[]))
    WHERE id = :id
""")

# Note, once for a signature, that a press looked like a machine's, and count it for the petition's statistics.
NOTE_HELD_PRESS_SQL = text("""
    WITH noted AS (
        UPDATE signatures SET held_at = now() WHERE id = :id AND held_at IS NULL RETURNING petition_id
    )
    INSERT INTO held_presses AS h (petition_id, held) SELECT petition_id, 1 FROM noted
    ON CONFLICT (petition_id) DO UPDATE SET held = h.held + 1
""")

# Count one try of a code, and return the signature that it is for. Writes one row whatever there is, in the same time:
# where there is no signature, all its columns are empty, and the tries are counted too. Tries beyond the last allowed
# are not told apart. Codes work of links that are valid and were enqueued since the time that a link works.
COUNT_CODE_TRY_SQL = text("""
    WITH signer AS MATERIALIZED (
        SELECT * FROM signatures
        WHERE petition_id = :petition_id AND party = :party AND email_canonical = :email_canonical
    ),
    counted AS (
        INSERT INTO code_tries AS t (key_hash, generation, tries, started_at)
        VALUES (:key_hash, coalesce((SELECT generation FROM signer), 0), 1, now())
        ON CONFLICT (key_hash, generation) DO UPDATE SET tries = least(t.tries + 1, :max_tries + 1)
        RETURNING tries
    )
    SELECT
        counted.tries,
        coalesce(s.generation, 0) || ARRAY(
            SELECT d.generation FROM deliveries AS d
            WHERE d.kind = 'confirm_signature' AND d.subject_id = coalesce(s.id, 0)
                AND d.generation >= s.valid_from AND d.generation < s.generation AND d.created_at > :since
            ORDER BY d.generation DESC LIMIT :earlier_codes),
        coalesce(s.id, 0), coalesce(s.state, ''), coalesce(s.party, ''), coalesce(s.withheld_name, s.name, ''),
        s.profession, s.organisation, s.city, coalesce(s.listed, false), s.named_when,
        coalesce(s.updates, false), coalesce(s.email, '')
    FROM counted LEFT JOIN signer AS s ON true
""")

# Mark a challenge as used. No row: it was used before.
USE_CHALLENGE_SQL = text("""
    INSERT INTO used_challenges (nonce, expires_at) VALUES (:nonce, :expires_at)
    ON CONFLICT (nonce) DO NOTHING
    RETURNING nonce
""")

# Note the petitions that got more unconfirmed signatures within the window than the least that matters, and more than
# several times as many an hour as were confirmed in the busiest hour before: what an earlier attack left unconfirmed is
# no measure, nor are the hours of one that goes on. The version of a petition stays: nobody edited it.
NOTE_ATTACKS_SQL = text("""
    WITH recent AS (
        SELECT petition_id, count(*) AS n
        FROM (
            SELECT petition_id FROM signatures
            WHERE state = 'pending' AND requested_at > CAST(:now AS timestamptz) - CAST(:window AS interval)
            ORDER BY requested_at DESC LIMIT :max_rows
        ) AS latest
        GROUP BY petition_id HAVING count(*) >= :least
    ),
    attacked AS (
        SELECT p.id, r.n, p.attacked_until > :now AS goes_on
        FROM recent AS r JOIN petitions AS p ON p.id = r.petition_id
        WHERE p.challenge = :policy AND r.n * :windows_an_hour > :factor * coalesce((
            SELECT max(h.counted) FROM campaign_hours AS h
            WHERE h.petition_id = p.id
                AND h.hour < date_trunc('hour', CASE WHEN p.attacked_until > :now THEN p.attacked_since ELSE :now END)
        ), 0)
    )
    UPDATE petitions AS p
    SET attacked_since = CASE WHEN a.goes_on THEN p.attacked_since ELSE :now END,
        attacked_until = CAST(:now AS timestamptz) + CAST(:calm AS interval)
    FROM attacked AS a WHERE p.id = a.id
    RETURNING p.slug, a.n AS unconfirmed, a.goes_on IS NOT TRUE AS has_begun
""")

# Take requests for lists out of the table; those that another worker holds are left to it.
TAKE_LIST_REQUESTS = text("""
    DELETE FROM list_requests WHERE id IN (
        SELECT id FROM list_requests ORDER BY id LIMIT :batch_size FOR UPDATE SKIP LOCKED)
    RETURNING email_canonical
""")

# Number the link of one reminder for a batch of pending signatures, where the mailbox confirmed another signature once.
MARK_REMINDED_SQL = text("""
    UPDATE signatures SET reminded_at = :now, generation = generation + 1
    WHERE id = ANY(ARRAY(
        SELECT s.id FROM signatures AS s
        WHERE s.state = 'pending' AND s.requested_at BETWEEN :since AND :until AND s.reminded_at IS NULL
            AND s.restricted_at IS NULL
            AND s.petition_id = ANY(CAST(:petitions AS bigint[]))
            AND EXISTS (
                SELECT FROM signatures AS other
                WHERE other.email_canonical = s.email_canonical AND other.state IN ('confirmed', 'withdrawn')
                    AND other.confirmed_at IS NOT NULL)
        ORDER BY s.requested_at LIMIT :batch_size FOR UPDATE OF s SKIP LOCKED))
    RETURNING petition_id, id, generation
""")
