"""Schema of the operators' view."""

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Do nothing yet."""
