"""Mail providers: who serves a recipient's domain, how fast each provider is mailed, and the emails that wait for it."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create `mail_domains` and `mail_providers`; add a column to `deliveries` without a rewrite."""
    op.execute("""
        CREATE TABLE mail_domains (
            domain VARCHAR(255) NOT NULL,
            provider VARCHAR(255) NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_mail_domains PRIMARY KEY (domain)
        )
    """)
    op.execute("CREATE INDEX ix_mail_domains_expires_at ON mail_domains (expires_at)")
    op.execute("""
        CREATE TABLE mail_providers (
            name VARCHAR(255) NOT NULL,
            state VARCHAR(12) DEFAULT 'flowing' NOT NULL,
            since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            rest_until TIMESTAMP WITH TIME ZONE,
            strikes SMALLINT DEFAULT 0 NOT NULL,
            suspicions SMALLINT DEFAULT 0 NOT NULL,
            suspected_id BIGINT,
            refused_at TIMESTAMP WITH TIME ZONE,
            response VARCHAR(200),
            reply_class VARCHAR(20),
            pace DOUBLE PRECISION,
            slow_from DOUBLE PRECISION,
            stepped_at TIMESTAMP WITH TIME ZONE,
            per_hour BIGINT,
            max_connections BIGINT,
            set_by VARCHAR(320),
            tokens DOUBLE PRECISION DEFAULT 0 NOT NULL,
            refilled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            leases JSONB DEFAULT '{}' NOT NULL,
            CONSTRAINT pk_mail_providers PRIMARY KEY (name),
            CONSTRAINT ck_mail_providers_state CHECK (state IN ('flowing', 'resting', 'growing'))
        )
    """)
    op.execute("ALTER TABLE deliveries ADD COLUMN parked_for VARCHAR(255)")
    op.execute("""
        CREATE INDEX ix_deliveries_parked ON deliveries (parked_for, queue, tried_at)
        WHERE parked_for IS NOT NULL AND state = 'deferred'
    """)
    # An email that waits for its provider is a class of its own: no server was asked.
    op.execute("""
        CREATE OR REPLACE FUNCTION reason_class(cause text) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT CASE WHEN cause = '' THEN '' WHEN cause ~ '^4' THEN '4xx' WHEN cause ~ '^5' THEN '5xx'
                        WHEN cause = 'worker died' THEN 'crash' WHEN cause ~ '^not ' THEN 'internal'
                        WHEN cause ~ ' budget$' THEN 'budget' WHEN cause = 'provider pace' THEN 'pace'
                        ELSE 'connection' END
        $$
    """)
