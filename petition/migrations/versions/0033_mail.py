"""The erasure journal and restricted signatures."""

revision = "0033"
down_revision = "0032"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
