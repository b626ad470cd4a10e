"""Statistics of the mail over months."""

from alembic import op

revision = "0034"
down_revision = "0033"
compatible_from = "0032"


def upgrade() -> None:
    """Create the table."""
    op.execute("""
        CREATE TABLE mail_history (
            grain VARCHAR(4) NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            provider VARCHAR(255) NOT NULL,
            queue VARCHAR(20) NOT NULL,
            state VARCHAR(12) NOT NULL,
            reason VARCHAR(12) NOT NULL,
            bucket SMALLINT NOT NULL,
            n BIGINT NOT NULL,
            CONSTRAINT pk_mail_history PRIMARY KEY (grain, at, provider, queue, state, reason, bucket)
        )
    """)
