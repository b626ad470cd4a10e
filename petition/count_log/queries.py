"""The SQL of the count's log."""

from sqlalchemy import text

# Take the oldest events. By the highest id, not by a join on ids: as in `petitions.queries.ROLLUP_SQL`.
TAKE_EVENTS = text("""
    DELETE FROM count_events
    WHERE id <= (SELECT max(id) FROM (SELECT id FROM count_events ORDER BY id LIMIT :batch) AS oldest)
    RETURNING id, petition_id, signature_id, party, kind, at, consent
""")

# What the signatures of a batch commit to, as far as they are still there.
SELECT_SIGNERS = text("""
    SELECT s.id, p.slug, s.party, s.email_canonical FROM signatures AS s JOIN petitions AS p ON p.id = s.petition_id
    WHERE s.id = ANY(CAST(:ids AS bigint[])) AND s.email <> ''
""")

SELECT_ENTRY_INDEXES = text("""
    SELECT signature_id, entry_index FROM count_commitments WHERE signature_id = ANY(CAST(:ids AS bigint[]))
""")

INSERT_ENTRIES = text("""
    INSERT INTO count_log_entries (petition_id, entry_index, entry, leaf_hash)
    SELECT :petition_id, * FROM unnest(
        CAST(:indexes AS bigint[]), CAST(:entries AS text[]), CAST(:leaf_hashes AS bytea[]))
""")

INSERT_COMMITMENTS = text("""
    INSERT INTO count_commitments (petition_id, signature_id, entry_index, salt, statement)
    SELECT :petition_id, * FROM unnest(
        CAST(:signature_ids AS bigint[]), CAST(:indexes AS bigint[]), CAST(:salts AS bytea[]),
        CAST(:statements AS text[]))
""")
# A signature that was erased while its entry was made: its trigger found no commitment to empty.
DESTROY_ORPHANED_SALTS = text("""
    UPDATE count_commitments AS c SET salt = NULL, statement = NULL
    WHERE c.signature_id = ANY(CAST(:ids AS bigint[])) AND c.salt IS NOT NULL
        AND NOT EXISTS (SELECT FROM signatures AS s WHERE s.id = c.signature_id AND s.email <> '')
""")

INSERT_NODES = text("""
    INSERT INTO count_log_nodes (petition_id, level, node_index, hash)
    SELECT :petition_id, * FROM unnest(
        CAST(:levels AS smallint[]), CAST(:indexes AS bigint[]), CAST(:hashes AS bytea[]))
""")

# Hashes of the tiles with some numbers, of the leaves and of every level above; those below a size of the log only.
SELECT_TILE_HASHES = text("""
    SELECT 0 AS level, e.entry_index AS number, e.leaf_hash AS hash
    FROM unnest(CAST(:leaf_tiles AS bigint[])) AS wanted (tile)
    JOIN count_log_entries AS e ON e.petition_id = :petition_id AND e.entry_index < :size
        AND e.entry_index BETWEEN wanted.tile * 256 AND wanted.tile * 256 + 255
    UNION ALL
    SELECT n.level, n.node_index, n.hash
    FROM unnest(CAST(:levels AS smallint[]), CAST(:tiles AS bigint[])) AS wanted (level, tile)
    JOIN count_log_nodes AS n ON n.petition_id = :petition_id AND n.level = wanted.level
        AND n.node_index BETWEEN wanted.tile * 256 AND wanted.tile * 256 + 255
""")

SELECT_LEAF_TILE = text("""
    SELECT leaf_hash AS hash, entry FROM count_log_entries
    WHERE petition_id = :petition_id AND entry_index >= :first AND entry_index < :first + :width ORDER BY entry_index
""")
SELECT_NODE_TILE = text("""
    SELECT hash, NULL AS entry FROM count_log_nodes
    WHERE petition_id = :petition_id AND level = :level AND node_index >= :first AND node_index < :first + :width
    ORDER BY node_index
""")

SAVE_CHECKPOINT = text("""
    INSERT INTO count_checkpoints (petition_id, size, people, organisations, root, note, verifier_key)
    VALUES (:petition_id, :size, :people, :organisations, :root, :note, :verifier_key)
    ON CONFLICT (petition_id) DO UPDATE
    SET size = excluded.size, people = excluded.people, organisations = excluded.organisations, root = excluded.root,
        note = excluded.note, verifier_key = excluded.verifier_key, made_at = now()
""")

# Checkpoints that differ from what was last timestamped, unless that was a short while ago.
SELECT_NOT_TIMESTAMPED = text("""
    SELECT petition_id, note FROM count_checkpoints
    WHERE note IS NOT NULL AND note IS DISTINCT FROM timestamped_note
        AND (timestamped_at IS NULL OR timestamped_at < :before)
    ORDER BY timestamped_at NULLS FIRST LIMIT :batch_size
""")

SAVE_TIMESTAMP = text("""
    UPDATE count_checkpoints SET timestamped_note = :note, timestamp_reply = :reply, timestamped_at = :now
    WHERE petition_id = :petition_id
""")

SAVE_COSIGNATURE = text("""
    INSERT INTO count_cosignatures (petition_id, witness, size, note) VALUES (:petition_id, :witness, :size, :note)
    ON CONFLICT (petition_id, witness) DO UPDATE SET size = excluded.size, note = excluded.note, received_at = now()
    WHERE count_cosignatures.size <= excluded.size
""")
