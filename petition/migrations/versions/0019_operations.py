"""An index of the confirmations that are not settled, by age: how long somebody has been waiting for a link."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the index."""
    op.execute("""
        CREATE INDEX ix_deliveries_unsettled ON deliveries (created_at)
        WHERE queue = 'confirmations' AND state IN ('due', 'deferred', 'sending')
    """)
