"""Reserved."""

revision = "0042"
down_revision = "0041"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
