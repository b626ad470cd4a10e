"""Sites that may embed a petition."""

revision = "0037"
down_revision = "0036"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
