"""SQL of documents: what is wanted, claimed by a worker, made."""

from sqlalchemy import text

# Want a newer document, unless one is wanted already. The one row of its petition, kind and language.
REQUEST_SQL = text("""
    INSERT INTO documents (petition_id, kind, language, requested_at)
    VALUES (:petition_id, :kind, :language, :now)
    ON CONFLICT (petition_id, kind, language) DO UPDATE SET requested_at = excluded.requested_at
    WHERE documents.requested_at IS NULL
""")

# Want the documents of a kind that were never asked for, of many petitions in many languages.
REQUEST_MISSING_SQL = text("""
    INSERT INTO documents (petition_id, kind, language, requested_at)
    SELECT petition_id, :kind, language, :now
    FROM unnest(CAST(:petition_ids AS bigint[])) AS petition_id
    CROSS JOIN unnest(CAST(:languages AS varchar[])) AS language
    ON CONFLICT (petition_id, kind, language) DO NOTHING
""")

# Claim the document that was wanted first. A worker that died holds its claim no longer than that.
CLAIM_SQL = text("""
    UPDATE documents SET claimed_at = :now
    WHERE id = (
        SELECT id FROM documents
        WHERE requested_at IS NOT NULL AND (claimed_at IS NULL OR claimed_at < :expired)
        ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, petition_id, kind, language
""")

# Record a document under its claim.
RECORD_SQL = text("""
    UPDATE documents
    SET requested_at = NULL, claimed_at = NULL, failed_at = NULL, made_at = :made_at, petition_version = :version,
        milliseconds = :milliseconds, digest = :digest, content = :content
    WHERE id = :id AND claimed_at = :claimed_at
""")

RENEW_SQL = text("""
    UPDATE documents SET claimed_at = :now WHERE id = :id AND claimed_at = :claimed_at RETURNING id
""")

RECORD_FAILURE_SQL = text("""
    UPDATE documents SET requested_at = NULL, claimed_at = NULL, failed_at = :now
    WHERE id = :id AND claimed_at = :claimed_at
""")

# Delete documents that name people once they are old, and those of petitions that are not public.
DELETE_OLD_SQL = text("""
    DELETE FROM documents
    WHERE (made_at < :before AND kind = ANY(CAST(:naming_kinds AS varchar[])))
        OR NOT petition_id = ANY(CAST(:public_ids AS bigint[]))
""")

# Claim the dossier that was asked for first.
CLAIM_DOSSIER_SQL = text("""
    UPDATE dossiers SET claimed_at = :now
    WHERE id = (
        SELECT id FROM dossiers WHERE state = 'waiting' AND (claimed_at IS NULL OR claimed_at < :expired)
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
""")

RENEW_DOSSIER_SQL = text("""
    UPDATE dossiers SET claimed_at = :now, progress = :percent WHERE id = :id AND claimed_at = :claimed_at RETURNING id
""")

# Erase the content of dossiers of petitions whose signatures are anonymised: it names people.
ERASE_DOSSIERS_SQL = text("""
    UPDATE dossiers SET content = NULL, erased_at = :now
    WHERE content IS NOT NULL AND petition_id IN (SELECT id FROM petitions WHERE anonymised_at IS NOT NULL)
""")
