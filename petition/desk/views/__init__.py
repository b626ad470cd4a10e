"""Pages: the team's home, and the overview of a campaign."""
