"""Policies against forged signatures, the proofs of work that were used, and timestamps of the count's log."""

from alembic import op

revision = "0043"
down_revision = "0042"
compatible_from = "0042"


def upgrade() -> None:
    """Add the columns, without a rewrite, and the table."""
    op.execute("""
        ALTER TABLE petitions
            ADD COLUMN disposable_addresses VARCHAR(12) DEFAULT 'accept' NOT NULL,
            ADD COLUMN disposable_checked_at TIMESTAMP WITH TIME ZONE,
            ADD COLUMN challenge VARCHAR(10) DEFAULT 'automatic' NOT NULL,
            ADD COLUMN attacked_since TIMESTAMP WITH TIME ZONE,
            ADD COLUMN attacked_until TIMESTAMP WITH TIME ZONE,
            ADD CONSTRAINT ck_petitions_disposable_addresses
                CHECK (disposable_addresses IN ('accept', 'quarantine', 'refuse')),
            ADD CONSTRAINT ck_petitions_challenge CHECK (challenge IN ('off', 'automatic', 'on'))
    """)
    op.execute("""
        CREATE TABLE used_challenges (
            nonce VARCHAR(32) NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_used_challenges PRIMARY KEY (nonce)
        )
    """)
    op.execute("""
        ALTER TABLE count_checkpoints
            ADD COLUMN timestamped_note TEXT,
            ADD COLUMN timestamp_reply BYTEA,
            ADD COLUMN timestamped_at TIMESTAMP WITH TIME ZONE
    """)
    op.execute("CREATE INDEX ix_used_challenges_expires_at ON used_challenges (expires_at)")
