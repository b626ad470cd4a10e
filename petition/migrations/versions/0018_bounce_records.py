"""What replies and reports say: the provider that made the mail server suspect, and which bounces count."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add columns; their defaults rewrite no table."""
    op.execute("ALTER TABLE pauses ADD COLUMN domain VARCHAR(255)")
    op.execute("ALTER TABLE bounces ADD COLUMN counts BOOLEAN DEFAULT false NOT NULL")
