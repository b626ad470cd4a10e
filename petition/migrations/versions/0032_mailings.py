"""Mailings: the version of the last edit that needs a new test."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Add `mailings.content_version`."""
    op.execute("ALTER TABLE mailings ADD COLUMN content_version INTEGER NOT NULL DEFAULT 1")
    op.execute("UPDATE mailings SET content_version = version")
