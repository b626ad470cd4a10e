"""Which code may run on the schema, beside its revision: `compatible_from` of the last migration."""

from alembic import op

revision = "0030"
down_revision = "0029"
compatible_from = "0030"


def upgrade() -> None:
    """Add the column, which `env.py` fills after each migration."""
    op.execute("ALTER TABLE alembic_version ADD COLUMN compatible_from VARCHAR(32)")
