"""How many signatures came through each partner's link, `?via=<key>`."""

from collections.abc import Sequence

from petition.core.db import db
from petition.petitions.partners import queries
from petition.petitions.partners.models import Partnership
from petition.petitions.sharing.channels import PARTNER_PREFIX


def count_signatures(partnerships: Sequence[Partnership]) -> dict[int, int]:
    """Return how many signatures came through the partner's link, by partnership."""
    if not partnerships:
        return {}
    sources = {row.id: f"{PARTNER_PREFIX}{row.partner.key}" for row in partnerships}
    values = {"petitions": [row.petition_id for row in partnerships], "sources": list(sources.values())}
    counted = {(row.petition_id, row.source): row.n for row in db.session.execute(queries.COUNT_BY_SOURCE_SQL, values)}
    return {row.id: counted.get((row.petition_id, sources[row.id]), 0) for row in partnerships}
