"""Confirmation by code."""

revision = "0039"
down_revision = "0038"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
