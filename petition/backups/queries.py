"""The SQL of the erasure journal and of the drill."""

from sqlalchemy import text

# Take the oldest entries that are in no file yet; a second worker takes others.
SELECT_UNWRITTEN_SQL = text("""
    SELECT id, act, subject_hash, address_hash, at FROM erasure_journal
    WHERE written_at IS NULL ORDER BY id LIMIT :batch_size FOR UPDATE SKIP LOCKED
""")
MARK_WRITTEN_SQL = text("UPDATE erasure_journal SET written_at = now() WHERE id = ANY(CAST(:ids AS bigint[]))")

# How far the file is behind: read through the partial index, as long as few entries wait.
LAG_SQL = text("""
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(at)), 0)::float8 AS seconds
    FROM (SELECT at FROM erasure_journal WHERE written_at IS NULL ORDER BY id LIMIT 10000) AS oldest
""")

SELECT_ALL_SQL = text("SELECT id, act, subject_hash, address_hash, at FROM erasure_journal ORDER BY id")

# Those of the given entries that the database has: it had them when the backup was made, so it has their effect too.
SELECT_KNOWN_SQL = text("""
    SELECT j.id, j.subject_hash FROM erasure_journal AS j
    WHERE j.id = ANY(CAST(:ids AS bigint[]))
""")
INSERT_ENTRY_SQL = text("""
    INSERT INTO erasure_journal (id, act, subject_hash, address_hash, at, written_at)
    VALUES (:id, :act, :subject_hash, :address_hash, :at, now())
    ON CONFLICT (id) DO NOTHING
""")
