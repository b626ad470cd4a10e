"""Names that wait for the team's review, and readers' reports of names in the public list."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add what the team decided about a name; list only what needed no decision, or was approved.

    Signatures that are there already keep NULL: they stay in the list.
    """
    op.execute("ALTER TABLE signatures ADD COLUMN review VARCHAR(10)")
    op.execute("ALTER TABLE signatures ADD COLUMN reported_at TIMESTAMP WITH TIME ZONE")
    op.execute("""
        ALTER TABLE signatures ADD CONSTRAINT ck_signatures_review
            CHECK (review IN ('waiting', 'approved', 'rejected')) NOT VALID
    """)
    op.execute("ALTER TABLE signatures VALIDATE CONSTRAINT ck_signatures_review")
    op.execute("ALTER TABLE sign_requests ADD COLUMN review VARCHAR(10)")
    op.execute("""
        CREATE TABLE name_reports (
            signature_id BIGINT NOT NULL,
            reason VARCHAR(20) NOT NULL,
            reports BIGINT NOT NULL,
            CONSTRAINT pk_name_reports PRIMARY KEY (signature_id, reason),
            CONSTRAINT ck_name_reports_reason CHECK (reason IN ('impersonation', 'offensive', 'advertising')),
            CONSTRAINT fk_name_reports_signature_id
                FOREIGN KEY (signature_id) REFERENCES signatures (id) ON DELETE CASCADE
        )
    """)
    op.execute("DROP INDEX ix_signatures_list")
    op.execute("""
        CREATE INDEX ix_signatures_list ON signatures (petition_id, confirmed_no)
            WHERE state = 'confirmed' AND listed AND (review IS NULL OR review = 'approved')
    """)
    op.execute("DROP INDEX ix_signatures_organisations")
    op.execute("""
        CREATE INDEX ix_signatures_organisations ON signatures (petition_id, organisation, confirmed_no)
            WHERE state = 'confirmed' AND listed AND (review IS NULL OR review = 'approved') AND party = 'organisation'
    """)
    op.execute("""
        CREATE INDEX ix_signatures_review ON signatures (confirmed_no)
            WHERE state = 'confirmed' AND listed AND (review = 'waiting' OR reported_at IS NOT NULL)
    """)
