"""Erasure journal and requests of persons."""

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Change nothing yet."""
