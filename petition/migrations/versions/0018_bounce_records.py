"""Schema of what reports and replies say."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Do nothing yet."""
