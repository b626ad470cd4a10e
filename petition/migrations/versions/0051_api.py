"""Change nothing yet."""

revision = "0051"
down_revision = "0050"
compatible_from = "0042"


def upgrade() -> None:
    """Do nothing."""


def downgrade() -> None:
    """Do nothing."""
