"""Change nothing yet."""

revision = "0050"
down_revision = "0049"
compatible_from = "0042"


def upgrade() -> None:
    """Do nothing."""


def downgrade() -> None:
    """Do nothing."""
