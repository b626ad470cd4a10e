"""States and pages of petitions."""

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Change nothing yet."""
