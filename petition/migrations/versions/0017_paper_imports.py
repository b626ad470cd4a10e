"""Schema of paper files that a worker reads."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Do nothing yet."""
