"""SQL for signatures on paper."""

from sqlalchemy import text

# Store lines of a file, given as an array per column: an import's lock is held for little of this process's time.
# Returns their ids.
STORE_SIGNATURES_SQL = text("""
    INSERT INTO paper_signatures
        (petition_id, import_id, line, name, profession, city, postal_code, signed_on, reference)
    SELECT :petition_id, :import_id, read.*
    FROM unnest(CAST(:line AS bigint[]), CAST(:name AS text[]), CAST(:profession AS text[]), CAST(:city AS text[]),
                CAST(:postal_code AS text[]), CAST(:signed_on AS date[]), CAST(:reference AS text[])) AS read
    RETURNING id
""")
STORED_COLUMNS = ("line", "name", "profession", "city", "postal_code", "signed_on", "reference")

# For the rest of the transaction. While a long file is stored the planner believes the table to be as small as at its
# last analysis, reads it whole for each line (measured: 5 s for 1,000 lines), and keeps such a plan.
AVOID_SEQUENTIAL_SCANS_SQL = text("SELECT set_config('enable_seqscan', 'off', true)")

# Of these signatures of an import, delete those that repeat one which counts already: the same name, town and date,
# and not two different postal codes. Returns the line numbers.
DELETE_DUPLICATES_SQL = text("""
    DELETE FROM paper_signatures AS read
    WHERE read.id = ANY(CAST(:ids AS bigint[])) AND NOT read.counted AND EXISTS (
        SELECT FROM paper_signatures AS known
        WHERE known.counted AND known.petition_id = read.petition_id
        AND lower(known.name) = lower(read.name)
        AND lower(coalesce(known.city, '')) = lower(coalesce(read.city, ''))
        AND known.signed_on IS NOT DISTINCT FROM read.signed_on
        AND (known.postal_code IS NULL OR read.postal_code IS NULL
             OR regexp_replace(lower(known.postal_code), '[[:space:]-]', '', 'g')
              = regexp_replace(lower(read.postal_code), '[[:space:]-]', '', 'g'))
    )
    RETURNING read.line
""")

# Of these signatures of an import, those whose name, and town where both say one, are those of somebody who confirmed
# by email. The words of a name are found by their index, whose expression this repeats. Returns the line numbers.
FIND_ONLINE_SIGNERS_SQL = text("""
    SELECT read.line FROM paper_signatures AS read
    WHERE read.id = ANY(CAST(:ids AS bigint[])) AND EXISTS (
        SELECT FROM signatures AS known
        WHERE to_tsvector('simple', collation_key((known.name || ' ') || coalesce(known.organisation, '')))
              @@ plainto_tsquery('simple', collation_key(read.name))
        AND known.petition_id = read.petition_id AND known.state = 'confirmed' AND known.party = 'person'
        AND collation_key(known.name) = collation_key(read.name)
        AND (known.city IS NULL OR read.city IS NULL OR collation_key(known.city) = collation_key(read.city))
    )
""")

# Let these signatures of an import count. Returns the ids of those that did not before.
COUNT_SIGNATURES_SQL = text("""
    UPDATE paper_signatures SET counted = true
    WHERE id = ANY(CAST(:ids AS bigint[])) AND import_id = :import_id AND NOT counted
    RETURNING id
""")

# Let no signature of a sheet count. Returns the ids of those that did.
STOP_COUNTING_SHEET_SQL = text("""
    UPDATE paper_signatures SET counted = false WHERE import_id = :import_id AND counted RETURNING id
""")

# Delete these signatures of an import. Returns their ids, and whether each counted.
REMOVE_SIGNATURES_SQL = text("""
    DELETE FROM paper_signatures WHERE id = ANY(CAST(:ids AS bigint[])) AND import_id = :import_id
    RETURNING id, counted
""")

# Add problems to those of an import, without reading what may be a megabyte of them.
APPEND_PROBLEMS_SQL = text("""
    UPDATE paper_imports SET problems = problems || CAST(:problems AS jsonb) WHERE id = :import_id
""")
