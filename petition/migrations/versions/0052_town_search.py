"""Index of signers' towns, which the team's search finds with or without accents."""

from alembic import op

revision = "0052"
down_revision = "0051"
compatible_from = "0042"


def upgrade() -> None:
    """Add the index; signatures without a town cost nothing."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_signatures_city")
        op.execute("""
            CREATE INDEX CONCURRENTLY ix_signatures_city ON signatures (collation_key(city) text_pattern_ops)
            WHERE city IS NOT NULL
        """)


def downgrade() -> None:
    """Nothing: going back leaves the schema (docs/decisions/0051)."""
