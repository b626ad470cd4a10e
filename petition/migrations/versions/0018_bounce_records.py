"""Schema of what reports and replies say: the provider whose rejection made the mail server suspect."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the provider to the pause of the mail server."""
    op.execute("ALTER TABLE pauses ADD COLUMN domain VARCHAR(255)")
