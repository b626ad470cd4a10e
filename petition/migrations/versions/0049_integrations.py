"""The erasure journal notes that somebody took back their consent to be passed on."""

from alembic import op

revision = "0049"
down_revision = "0048"
compatible_from = "0042"

ACTS = """
    'erased', 'disowned', 'withdrawn', 'put_back', 'unsubscribed', 'unlisted', 'restricted', 'lifted', 'objected',
    'anonymised'
"""


def _allow(acts: str) -> None:
    op.execute(f"""
        ALTER TABLE erasure_journal
            DROP CONSTRAINT ck_erasure_journal_act,
            ADD CONSTRAINT ck_erasure_journal_act CHECK (act IN ({acts}))
    """)


def upgrade() -> None:
    """Allow the act `not_shared`."""
    _allow(f"{ACTS}, 'not_shared'")


def downgrade() -> None:
    """Delete the entries that the code before does not know; the file beside the backup keeps them."""
    op.execute("DELETE FROM erasure_journal WHERE act = 'not_shared'")
    _allow(ACTS)
