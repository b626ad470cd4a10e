"""What a next release might change: a column of signatures, one of deliveries, an index of what is busiest."""

import sqlalchemy as sa
from alembic import op

from petition.core import schema

revision = "next"
down_revision = compatible_from = schema.head_revision()


def upgrade():
    """Take locks that last a moment, and build the index beside the writers."""
    op.add_column("signatures", sa.Column("next_words", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("next_number", sa.Integer(), nullable=False, server_default="0"))
    with op.get_context().autocommit_block():
        op.create_index("ix_next", "deliveries", ["next_number", "subject_id"], postgresql_concurrently=True)


def downgrade():
    """Take it all back."""
    op.drop_index("ix_next", "deliveries")
    op.drop_column("deliveries", "next_number")
    op.drop_column("signatures", "next_words")
