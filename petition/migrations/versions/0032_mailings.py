"""Mailings: the version of the last edit that needs a new test, and what an automatic one waits for."""

from alembic import op

revision = "0032"
down_revision = "0030"
compatible_from = "0032"  # older code would search by what is no longer indexed
INDEXES = {
    "ix_signatures_words": "USING gin (to_tsvector('simple', collation_key((name || ' ') || coalesce(organisation, ''))))",
    "ix_signatures_profession": "(collation_key(profession) text_pattern_ops)",
}


def upgrade() -> None:
    """Add the columns."""
    op.execute("ALTER TABLE mailings ADD COLUMN content_version BIGINT NOT NULL DEFAULT 1")
    op.execute("UPDATE mailings SET content_version = version")
    op.execute("""
        ALTER TABLE mailings
            ADD COLUMN trigger VARCHAR(12),
            ADD COLUMN trigger_value BIGINT,
            ADD COLUMN checked_until TIMESTAMP WITH TIME ZONE,
            ADD CONSTRAINT ck_mailings_trigger CHECK (trigger IN ('confirmed', 'milestone', 'handed_over', 'won'))
    """)
    # The team's search and the segments of mailings find a name, a profession and a town with or without its accents.
    with op.get_context().autocommit_block():
        for name, definition in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_folded")
            op.execute(f"CREATE INDEX CONCURRENTLY {name}_folded ON signatures {definition}")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"ALTER INDEX {name}_folded RENAME TO {name}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_signatures_name")
