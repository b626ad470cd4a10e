"""The erasure journal notes what was anonymised; restricted signatures are kept back from anonymisation."""

from alembic import op

revision = "0033"
down_revision = "0032"
compatible_from = "0032"
INDEX = "ix_signatures_restricted"


def upgrade() -> None:
    """Allow the act `anonymised`, and add `petition_retention.kept_back` with the index of restricted signatures."""
    op.execute("""
        ALTER TABLE erasure_journal
            DROP CONSTRAINT ck_erasure_journal_act,
            ADD CONSTRAINT ck_erasure_journal_act CHECK (act IN (
                'erased', 'disowned', 'withdrawn', 'put_back', 'unsubscribed', 'unlisted', 'restricted', 'lifted',
                'objected', 'anonymised'))
    """)
    op.execute("ALTER TABLE petition_retention ADD COLUMN kept_back BIGINT[] DEFAULT '{}' NOT NULL")
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {INDEX} ON signatures (petition_id, id) WHERE restricted_at IS NOT NULL"
        )
