"""Search of signatures by the team: filters, the query, saved searches."""
