"""Reserved."""

revision = "0049"
down_revision = "0048"
compatible_from = "0042"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
