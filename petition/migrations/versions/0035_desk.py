"""Texts of a petition's emails and pages; consent wordings."""

revision = "0035"
down_revision = "0034"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
