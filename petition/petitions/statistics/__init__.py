"""Statistics of a campaign: for the team, for everybody, as charts."""
