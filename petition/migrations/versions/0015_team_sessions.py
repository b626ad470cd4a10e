"""Schema of the team's sessions and failed sign-ins."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Do nothing yet."""
