"""Pages of the team: clusters of signatures that look forged."""
