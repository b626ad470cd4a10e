"""Reserved."""

revision = "0043"
down_revision = "0042"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
