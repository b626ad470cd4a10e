"""Reserved."""

revision = "0046"
down_revision = "0045"
compatible_from = "0040"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
