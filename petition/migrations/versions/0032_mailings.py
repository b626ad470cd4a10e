"""Automatic messages."""

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Change nothing yet."""
