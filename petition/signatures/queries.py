"""The statements of signing and confirming, each whole; measured in docs/performance."""

from sqlalchemy import text

# A new signature and its confirmation email, in one statement that commits by itself. It inserts only if the petition is
# still at the version that was read, and only if this party has not signed yet; otherwise it returns no row and changes
# nothing.
INSERT_SIGNATURE = text("""
    WITH signed AS (
        INSERT INTO signatures (petition_id, state, generation, valid_from,
                                party, name, organisation, profession, city, postal_code, country, listed, updates,
                                locale, email, email_canonical, updates_wording_id, updates_at, source, network)
        SELECT id, 'pending', 1, 1,
               :party, :name, :organisation, :profession, :city, :postal_code, :country, :listed, :updates,
               :locale, :email, :email_canonical, :updates_wording_id, :updates_at, :source, :network
        FROM petitions WHERE id = :petition_id AND version = :version
        ON CONFLICT (petition_id, party, email_canonical) DO NOTHING
        RETURNING petition_id, id, generation),
    enqueued AS (
        INSERT INTO deliveries (kind, queue, state, attempt, request_id, next_attempt_at,
                                petition_id, subject_id, generation)
        SELECT 'confirm_signature', 'confirmations', 'due', 0, CAST(:request_id AS text),
               coalesce(CAST(:not_before AS timestamptz), now()), petition_id, id, generation
        FROM signed
        ON CONFLICT (kind, subject_id, generation) DO NOTHING)
    SELECT id FROM signed
""")

# The same in a transaction, and where this party has signed already, that row, locked: the update of `party` changes
# nothing. `is_new` says which. No row where the petition changed since it was read.
INSERT_OR_LOCK_SIGNATURE = text("""
    WITH signed AS (
        INSERT INTO signatures (petition_id, state, generation, valid_from,
                                party, name, organisation, profession, city, postal_code, country, listed, updates,
                                locale, email, email_canonical, updates_wording_id, updates_at, source, network)
        SELECT id, 'pending', 1, 1,
               :party, :name, :organisation, :profession, :city, :postal_code, :country, :listed, :updates,
               :locale, :email, :email_canonical, :updates_wording_id, :updates_at, :source, :network
        FROM petitions WHERE id = :petition_id AND version = :version
        ON CONFLICT (petition_id, party, email_canonical) DO UPDATE SET party = excluded.party
        RETURNING *, xmax = 0 AS is_new),
    enqueued AS (
        INSERT INTO deliveries (kind, queue, state, attempt, request_id, next_attempt_at,
                                petition_id, subject_id, generation)
        SELECT 'confirm_signature', 'confirmations', 'due', 0, CAST(:request_id AS text),
               coalesce(CAST(:not_before AS timestamptz), now()), petition_id, id, generation
        FROM signed WHERE is_new
        ON CONFLICT (kind, subject_id, generation) DO NOTHING)
    SELECT id, state, generation, valid_from, party, name, organisation, profession, city, postal_code, country, listed,
           updates, locale, email, is_new
    FROM signed
""")

# Signing again, pending or withdrawn: the details as they are typed now, under the links that are given. Somebody who
# had withdrawn starts over.
REFRESH_SIGNATURE = text("""
    UPDATE signatures
    SET party = :party, name = :name, organisation = :organisation, profession = :profession, city = :city,
        postal_code = :postal_code, country = :country, listed = :listed, updates = :updates, locale = :locale,
        email = :email, updates_wording_id = :updates_wording_id, updates_at = :updates_at, network = :network,
        requested_at = :requested_at, generation = :generation, valid_from = :valid_from,
        reminded_at = CASE WHEN state = 'withdrawn' THEN NULL ELSE reminded_at END,
        state = 'pending', ended_at = NULL, confirmed_at = NULL, confirmed_no = NULL
    WHERE id = :id
""")

# One more link. With an id of 0 it updates no row: signing again runs it even where nothing changes, so that response
# time does not reveal the signature's state.
SET_LINK_GENERATION = text("UPDATE signatures SET generation = :generation WHERE id = :id")

# Confirm by link, in one statement that commits by itself: pending → confirmed once, and the count. It does so only if
# the link is valid, the petition is open beyond doubt, and the details are those that the page showed (`seen`; the
# expression is `fingerprint.compute_fingerprint` in SQL). Otherwise it returns no row and changes nothing.
CONFIRM_BY_LINK = text("""
    WITH confirmed AS (
        UPDATE signatures AS s
        SET state = 'confirmed', confirmed_at = now(), confirmed_no = nextval('confirmation_numbers')
        FROM petitions AS p
        WHERE s.id = :id AND s.state = 'pending' AND p.id = s.petition_id
          AND :generation BETWEEN s.valid_from AND s.generation
          AND p.state = 'open' AND coalesce(least(p.closes_at, p.closed_at) > now(), true)
          AND (CAST(:seen AS text) IS NULL OR CAST(:seen AS text) = md5(concat_ws(
               chr(31), CAST(:salt AS text), s.party, s.name, coalesce(s.profession, chr(30)),
               coalesce(s.organisation, chr(30)), coalesce(s.city, chr(30)), CAST(s.listed AS text),
               CAST(s.updates AS text), s.email)))
        RETURNING s.id, s.petition_id, s.generation, s.party),
    counted AS (
        -- 16 rows per petition share the counting: petitions.models.COUNTER_SLOTS.
        INSERT INTO petition_counts AS counts (petition_id, slot, people, organisations)
        SELECT petition_id, id % 16, (party = 'person')::int, (party = 'organisation')::int FROM confirmed
        ON CONFLICT (petition_id, slot) DO UPDATE
        SET people = counts.people + excluded.people, organisations = counts.organisations + excluded.organisations)
    SELECT id, generation FROM confirmed
""")

# Confirm a signature whose row is locked and whose conditions were checked; in the caller's transaction.
CONFIRM = text("""
    WITH confirmed AS (
        UPDATE signatures AS s
        SET state = 'confirmed', confirmed_at = now(), confirmed_no = nextval('confirmation_numbers')
        WHERE s.id = :id AND s.state = 'pending'
        RETURNING s.id, s.petition_id, s.party),
    counted AS (
        INSERT INTO petition_counts AS counts (petition_id, slot, people, organisations)
        SELECT petition_id, id % 16, (party = 'person')::int, (party = 'organisation')::int FROM confirmed
        ON CONFLICT (petition_id, slot) DO UPDATE
        SET people = counts.people + excluded.people, organisations = counts.organisations + excluded.organisations)
    SELECT id FROM confirmed
""")
