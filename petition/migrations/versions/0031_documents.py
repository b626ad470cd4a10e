"""Documents."""

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Change nothing yet."""
