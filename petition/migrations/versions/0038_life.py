"""Updates, the answer, imprint, sheets of paper."""

revision = "0038"
down_revision = "0037"
compatible_from = "0032"


def upgrade() -> None:
    """Change nothing."""
