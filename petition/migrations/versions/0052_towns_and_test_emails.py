"""Index of signers' towns, for the team's search; test emails of mailings are not those of a signature."""

from alembic import op

revision = "0052"
down_revision = "0051"
compatible_from = "0042"


def upgrade() -> None:
    """Add the index, in which signatures without a town are not, and correct the rows of test emails."""
    # Their subject is a test, and was taken for the signature of the same number.
    op.execute("UPDATE deliveries SET petition_id = 0 WHERE kind = 'mailing_test'")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_signatures_city")
        op.execute("""
            CREATE INDEX CONCURRENTLY ix_signatures_city ON signatures (collation_key(city) text_pattern_ops)
            WHERE city IS NOT NULL
        """)


def downgrade() -> None:
    """Change nothing: the version before runs on this schema (docs/decisions/0051)."""
