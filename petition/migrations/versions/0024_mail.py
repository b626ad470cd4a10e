"""Whether the bounce mailbox can be read; replies by people; DMARC aggregate reports, summed by day and source."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create `bounce_mailbox_state`, `dmarc_reports` and `dmarc_sources`; allow two more kinds of messages."""
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
    op.execute("ALTER TABLE bounces DROP CONSTRAINT ck_bounces_kind")
    op.execute("""
        ALTER TABLE bounces ADD CONSTRAINT ck_bounces_kind CHECK (kind IN (
            'permanent', 'soft', 'policy', 'complaint', 'delayed', 'unsubscribe', 'reply', 'dmarc', 'not_understood'))
    """)
    op.execute("""
        CREATE TABLE dmarc_reports (
            organisation VARCHAR(120) NOT NULL,
            report_id VARCHAR(200) NOT NULL,
            domain VARCHAR(255) NOT NULL,
            received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT pk_dmarc_reports PRIMARY KEY (organisation, report_id)
        )
    """)
    op.execute("""
        CREATE TABLE dmarc_sources (
            day DATE NOT NULL,
            source VARCHAR(45) NOT NULL,
            aligned BIGINT NOT NULL,
            not_aligned BIGINT NOT NULL,
            CONSTRAINT pk_dmarc_sources PRIMARY KEY (day, source)
        )
    """)
