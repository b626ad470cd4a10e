"""Documents that workers made."""

revision = "0036"
down_revision = "0035"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
