"""Reserved."""

revision = "0045"
down_revision = "0044"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
