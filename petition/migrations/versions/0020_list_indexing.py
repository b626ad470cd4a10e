"""Whether search engines may index a petition's list of signatories; which disowned signatures still have details."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add `petitions.list_indexed`, without a rewrite, and an index for the erasure of disowned signatures."""
    op.execute("ALTER TABLE petitions ADD COLUMN list_indexed BOOLEAN DEFAULT false NOT NULL")
    op.execute("""
        CREATE INDEX ix_signatures_disowned ON signatures (ended_at) WHERE state = 'disowned' AND email <> ''
    """)
