"""Indexes for the operators' view, built while signers sign."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # What an interrupted build left is of no use: this runs again from the start.
        for name in ("ix_deliveries_trouble", "ix_signatures_name"):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(
            "ix_deliveries_trouble", "deliveries",
            ["lane", "state", "cause", sa.text("coalesce(domain, '')"), "tried_at", "id"],
            postgresql_where="state IN ('deferred', 'failed', 'unknown')", postgresql_concurrently=True,
        )
        op.create_index(
            "ix_signatures_name", "signatures", [sa.text("lower(name) text_pattern_ops")], postgresql_concurrently=True
        )
