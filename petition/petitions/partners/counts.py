"""How many signatures came through each partner's link, `?via=<key>`."""

from collections.abc import Sequence

from sqlalchemy import text

from petition.core.db import db
from petition.petitions.partners.models import Partnership
from petition.petitions.sharing import PARTNER_PREFIX

# Of the signatures that count now, rolled up or still in the log.
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


def count_signatures(partnerships: Sequence[Partnership]) -> dict[int, int]:
    """Return how many signatures came through the partner's link, by partnership."""
    if not partnerships:
        return {}
    sources = {row.id: f"{PARTNER_PREFIX}{row.partner.key}" for row in partnerships}
    values = {"petitions": [row.petition_id for row in partnerships], "sources": list(sources.values())}
    counted = {(row.petition_id, row.source): row.n for row in db.session.execute(COUNT_BY_SOURCE_SQL, values)}
    return {row.id: counted.get((row.petition_id, sources[row.id]), 0) for row in partnerships}
