"""Statistics over months, notifications of operators."""

revision = "0034"
down_revision = "0033"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
