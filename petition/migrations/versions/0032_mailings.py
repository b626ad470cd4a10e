"""Mailings: the version of the last edit that needs a new test, and what an automatic one waits for."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Add the columns."""
    op.execute("ALTER TABLE mailings ADD COLUMN content_version INTEGER NOT NULL DEFAULT 1")
    op.execute("UPDATE mailings SET content_version = version")
    op.execute("""
        ALTER TABLE mailings
            ADD COLUMN trigger VARCHAR(12),
            ADD COLUMN trigger_value INTEGER,
            ADD COLUMN checked_until TIMESTAMP WITH TIME ZONE,
            ADD CONSTRAINT ck_mailings_trigger CHECK (trigger IN ('confirmed', 'milestone', 'handed_over', 'won'))
    """)
