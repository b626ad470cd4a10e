"""What became of a petition, and the requests of signers: a new address, the list of all they signed."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the columns and tables."""
    op.execute("ALTER TABLE petitions ADD COLUMN IF NOT EXISTS handed_over_at TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE petitions ADD COLUMN won_at TIMESTAMP WITH TIME ZONE")
