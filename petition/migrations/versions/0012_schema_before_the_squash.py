"""The last of the revisions that 0013 replaces: a database that is at it was made by 0001 to 0012."""

revision = "0012"
down_revision = None


def upgrade() -> None:
    """Do nothing: 0013 creates the whole schema, or renames what 0012 left."""
