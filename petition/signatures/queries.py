"""The SQL of signing and confirming.

Raw SQL, because these are hot paths: a signature is recorded, or confirmed, in one statement, which is one round trip
and one transaction (measured in docs/performance).
"""

from sqlalchemy import text

# Insert a signature and the delivery of its confirmation link. No row: the signature exists already, or the petition
# changed since the caller read it (its version differs), and may be closed.
INSERT_SIGNATURE_SQL = text("""
    WITH new_signature AS (
        INSERT INTO signatures (
            petition_id, state, generation, valid_from, party, name, organisation, profession, city, postal_code,
            country, listed, updates, updates_wording_id, updates_at, locale, email, email_canonical, source, network,
            review
        )
        SELECT
            id, 'pending', 1, 1, :party, :name, :organisation, :profession, :city, :postal_code,
            :country, :listed, :updates, :updates_wording_id, :updates_at, :locale, :email, :email_canonical, :source,
            :network, :review
        FROM petitions
        WHERE id = :petition_id AND version = :version
        ON CONFLICT (petition_id, party, email_canonical) DO NOTHING
        RETURNING id, petition_id, generation
    ),
    new_delivery AS (
        INSERT INTO deliveries (
            kind, queue, state, attempt, request_id, next_attempt_at, petition_id, subject_id, generation
        )
        SELECT
            CAST(:kind AS text), CAST(:queue AS text), 'due', 0, CAST(:request_id AS text),
            coalesce(CAST(:not_before AS timestamptz), now()), petition_id, id, generation
        FROM new_signature
        ON CONFLICT (kind, subject_id, generation) DO NOTHING
    )
    SELECT id FROM new_signature
""")

# Lock the signature that exists already. No row: it was deleted meanwhile, or the petition changed.
LOCK_SIGNATURE_SQL = text("""
    SELECT
        s.id, s.state, s.generation, s.valid_from, s.party, s.name, s.organisation, s.profession, s.city,
        s.postal_code, s.country, s.listed, s.updates, s.locale, s.email
    FROM signatures AS s JOIN petitions AS p ON p.id = s.petition_id
    WHERE s.petition_id = :petition_id AND s.party = :party AND s.email_canonical = :email_canonical
        AND p.version = :version
    FOR UPDATE OF s
""")

# Replace the details of a pending signature, or make a withdrawn one pending again, as if it had never been confirmed.
REFRESH_SIGNATURE_SQL = text("""
    UPDATE signatures
    SET party = :party, name = :name, organisation = :organisation, profession = :profession, city = :city,
        postal_code = :postal_code, country = :country, listed = :listed, updates = :updates,
        updates_wording_id = :updates_wording_id, updates_at = :updates_at, locale = :locale, email = :email,
        network = :network, requested_at = :requested_at, generation = :generation, valid_from = :valid_from,
        state = 'pending', ended_at = NULL, confirmed_at = NULL, confirmed_no = NULL,
        reminded_at = CASE state WHEN 'pending' THEN reminded_at END,
        review = CASE WHEN review = 'rejected' THEN 'waiting' ELSE CAST(:review AS text) END, reported_at = NULL
    WHERE id = :id
""")

# Number one more link of a signature.
SET_GENERATION_SQL = text("UPDATE signatures SET generation = :generation WHERE id = :id")

# Confirm the signature that a link is for, and count it. No row unless the link is valid, the signature pending, the
# petition open and, with `seen`, the details those that the confirmation page showed.
# The hash is that of `fingerprint.compute_fingerprint`, value by value. The slot is that of `counters.increment`.
CONFIRM_BY_LINK_SQL = text("""
    WITH confirmed AS (
        UPDATE signatures AS s
        SET state = 'confirmed', confirmed_at = now(), confirmed_no = nextval('confirmation_numbers')
        FROM petitions AS p
        WHERE s.id = :id AND s.state = 'pending' AND :generation BETWEEN s.valid_from AND s.generation
            AND p.id = s.petition_id AND p.state = 'open'
            AND coalesce(least(p.closes_at, p.closed_at) > now(), true)
            AND (CAST(:seen AS text) IS NULL OR CAST(:seen AS text) = md5(concat_ws(
                chr(31),
                CAST(:salt AS text),
                coalesce(CAST(s.party AS text), chr(30)),
                coalesce(CAST(s.name AS text), chr(30)),
                coalesce(CAST(s.profession AS text), chr(30)),
                coalesce(CAST(s.organisation AS text), chr(30)),
                coalesce(CAST(s.city AS text), chr(30)),
                coalesce(CAST(s.listed AS text), chr(30)),
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
