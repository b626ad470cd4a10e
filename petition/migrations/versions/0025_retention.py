"""Retention."""

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Change nothing yet."""
