"""Reserved."""

revision = "0044"
down_revision = "0043"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
