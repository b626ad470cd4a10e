"""Texts of a petition's emails and pages; consent wordings."""

from alembic import op

revision = "0035"
down_revision = "0034"
compatible_from = "0032"


def upgrade() -> None:
    """Add the columns, empty: our own texts are shown where a petition has none."""
    op.execute("""
        ALTER TABLE petition_texts
            ADD COLUMN email_intro VARCHAR(600) NOT NULL DEFAULT '',
            ADD COLUMN email_closing VARCHAR(600) NOT NULL DEFAULT '',
            ADD COLUMN thanks VARCHAR(4000) NOT NULL DEFAULT '',
            ADD COLUMN consent VARCHAR(400) NOT NULL DEFAULT '',
            ADD COLUMN consent_version BIGINT NOT NULL DEFAULT 0
    """)
    # Links to a draft of an earlier generation are void.
    op.execute("ALTER TABLE petitions ADD COLUMN draft_link_generation BIGINT NOT NULL DEFAULT 0")
