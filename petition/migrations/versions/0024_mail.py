"""Whether the bounce mailbox can be read; replies by people; DMARC aggregate reports, summed by day and source."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create `bounce_mailbox_state`."""
    op.execute("""
        CREATE TABLE bounce_mailbox_state (
            id SMALLINT NOT NULL,
            checked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            since TIMESTAMP WITH TIME ZONE,
            problem VARCHAR(12) NOT NULL,
            response VARCHAR(200) NOT NULL,
            waiting BIGINT DEFAULT 0 NOT NULL,
            failed BIGINT DEFAULT 0 NOT NULL,
            CONSTRAINT pk_bounce_mailbox_state PRIMARY KEY (id),
            CONSTRAINT ck_bounce_mailbox_state_one_row CHECK (id = 1)
        )
    """)
