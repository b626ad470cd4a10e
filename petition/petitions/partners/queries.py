"""The SQL of partners."""

from sqlalchemy import text

# How many signatures came from each source: of those that count now, rolled up or still in the log.
COUNT_BY_SOURCE_SQL = text("""
    SELECT petition_id, source, sum(n)::bigint AS n FROM (
        SELECT petition_id, value AS source, n FROM campaign_statistics
        WHERE petition_id = ANY(CAST(:petitions AS bigint[])) AND dimension = 'source'
            AND value = ANY(CAST(:sources AS text[]))
        UNION ALL
        SELECT petition_id, lower(source), counted FROM campaign_log
        WHERE petition_id = ANY(CAST(:petitions AS bigint[])) AND lower(source) = ANY(CAST(:sources AS text[]))
    ) AS changes
    GROUP BY petition_id, source
""")
