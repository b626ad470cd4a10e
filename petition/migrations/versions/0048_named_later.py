"""Reserved."""

revision = "0048"
down_revision = "0047"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
