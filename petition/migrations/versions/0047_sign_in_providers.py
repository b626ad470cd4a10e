"""Reserved."""

revision = "0047"
down_revision = "0046"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
