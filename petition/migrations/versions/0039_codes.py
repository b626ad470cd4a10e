"""Confirmation by code."""

from alembic import op

revision = "0039"
down_revision = "0038"
compatible_from = "0032"


def upgrade() -> None:
    """Add the table of tries, and what is noted of a confirmation."""
    op.execute("""
        CREATE TABLE code_tries (
            key_hash VARCHAR(32) NOT NULL,
            generation BIGINT NOT NULL,
            tries SMALLINT NOT NULL,
            started_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
            CONSTRAINT pk_code_tries PRIMARY KEY (key_hash, generation)
        )
    """)
    op.execute("CREATE INDEX ix_code_tries_started_at ON code_tries (started_at)")
    op.execute("""
        ALTER TABLE signatures
            ADD COLUMN confirmed_same_network BOOLEAN,
            ADD COLUMN held_at TIMESTAMP WITH TIME ZONE
    """)
    op.execute("""
        CREATE TABLE held_presses (
            petition_id BIGINT NOT NULL,
            held BIGINT NOT NULL,
            CONSTRAINT pk_held_presses PRIMARY KEY (petition_id),
            CONSTRAINT fk_held_presses_petition_id FOREIGN KEY (petition_id) REFERENCES petitions (id) ON DELETE CASCADE
        )
    """)
