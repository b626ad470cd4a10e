"""Sites that may embed a petition, and the words with which its signers pass it on."""

from alembic import op

revision = "0037"
down_revision = "0036"
compatible_from = "0032"


def upgrade() -> None:
    """Add the columns, without a rewrite."""
    op.execute("ALTER TABLE petitions ADD COLUMN embed_origins VARCHAR(200)[] DEFAULT '{}' NOT NULL")
    op.execute("ALTER TABLE petition_texts ADD COLUMN share_text VARCHAR(240) DEFAULT '' NOT NULL")
