"""SQL for signatures on paper."""

from sqlalchemy import text

# Delete the lines of an import that repeat a line which counts already: the same name, town and date.
# Returns the line numbers.
DELETE_DUPLICATES_SQL = text("""
    DELETE FROM paper_signatures AS draft
    WHERE draft.import_id = :import AND EXISTS (
        SELECT FROM paper_signatures AS counted
        JOIN paper_imports ON paper_imports.id = counted.import_id AND paper_imports.state = 'done'
        WHERE counted.petition_id = draft.petition_id
        AND lower(counted.name) = lower(draft.name)
        AND lower(coalesce(counted.city, '')) = lower(coalesce(draft.city, ''))
        AND counted.signed_on IS NOT DISTINCT FROM draft.signed_on
    )
    RETURNING draft.line
""")
