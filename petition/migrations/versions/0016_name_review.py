"""Schema of names that wait for the team's review."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Do nothing yet."""
