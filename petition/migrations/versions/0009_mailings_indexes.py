"""Indexes for mailings, built while signers sign."""

from alembic import op

revision = "0009"
down_revision = "0008"

INDEXES = ("ix_deliveries_mailing_waiting", "ix_deliveries_mailing", "ix_signatures_updates")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # What an interrupted build left is of no use: this runs again from the start.
        for name in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(
            "ix_deliveries_mailing_waiting", "deliveries", ["mailing_id", "next_attempt_at"],
            postgresql_where="mailing_id IS NOT NULL AND state IN ('due', 'deferred')", postgresql_concurrently=True,
        )
        op.create_index(
            "ix_deliveries_mailing", "deliveries", ["mailing_id", "state", "id"],
            postgresql_where="mailing_id IS NOT NULL", postgresql_concurrently=True,
        )
        op.create_index(
            "ix_signatures_updates", "signatures", ["petition_id", "email_canonical"],
            postgresql_where="state = 'confirmed' AND updates", postgresql_concurrently=True,
        )
