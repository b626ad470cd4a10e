"""Messages of mail providers' webhooks that were accepted, so that none is accepted with other contents."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create `webhook_tokens`."""
    op.execute("""
        CREATE TABLE webhook_tokens (
            token_hash VARCHAR(64) NOT NULL,
            content_hash VARCHAR(64) NOT NULL,
            accepted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT pk_webhook_tokens PRIMARY KEY (token_hash)
        )
    """)
    op.execute("CREATE INDEX ix_webhook_tokens_accepted_at ON webhook_tokens (accepted_at)")
