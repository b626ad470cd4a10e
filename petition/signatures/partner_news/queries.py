"""The SQL of consents to the news of partners."""

from sqlalchemy import text

# Record what new signatures agreed to, a batch at a time. A box that was ticked twice is one consent.
INSERT_CONSENTS_SQL = text("""
    INSERT INTO partner_consents (signature_id, partnership_id, wording_id, agreed_at)
    SELECT * FROM unnest(
        CAST(:signatures AS bigint[]), CAST(:partnerships AS bigint[]), CAST(:wordings AS bigint[]),
        CAST(:times AS timestamptz[]))
    ON CONFLICT (partnership_id, signature_id) WHERE ended_at IS NULL DO NOTHING
""")

# End consents of signatures: those to some partnerships, or all of them. What ended stays, as proof.
END_CONSENTS_SQL = text("""
    UPDATE partner_consents SET ended_at = now()
    WHERE signature_id = ANY(CAST(:signatures AS bigint[])) AND ended_at IS NULL
        AND (CAST(:partnerships AS bigint[]) IS NULL OR partnership_id = ANY(CAST(:partnerships AS bigint[])))
    RETURNING signature_id
""")

# The partnerships whose news a signature agreed to.
SELECT_CONSENTS_SQL = text("""
    SELECT partnership_id FROM partner_consents WHERE signature_id = :signature AND ended_at IS NULL
""")

# Of an address: the consents to one partner, on whatever petition; or to all partners.
SELECT_CONSENTS_OF_ADDRESS_SQL = text("""
    SELECT DISTINCT s.id
    FROM signatures AS s
    JOIN partner_consents AS c ON c.signature_id = s.id AND c.ended_at IS NULL
    JOIN partnerships AS p ON p.id = c.partnership_id
    WHERE s.email_canonical = :email_canonical AND (CAST(:partner AS bigint) IS NULL OR p.partner_id = :partner)
""")
SELECT_PARTNERSHIPS_SQL = text("SELECT id FROM partnerships WHERE partner_id = :partner")
