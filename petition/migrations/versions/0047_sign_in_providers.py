"""Who members are at the team's own sign-in provider."""

from alembic import op

revision = "0047"
down_revision = "0046"
compatible_from = "0042"


def upgrade() -> None:
    """Create the table."""
    op.execute("""
        CREATE TABLE sign_in_identities (
            issuer VARCHAR(500) NOT NULL,
            subject VARCHAR(255) NOT NULL,
            account_id BIGINT NOT NULL,
            linked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT pk_sign_in_identities PRIMARY KEY (issuer, subject),
            CONSTRAINT uq_sign_in_identities_account_id_issuer UNIQUE (account_id, issuer),
            CONSTRAINT fk_sign_in_identities_account_id FOREIGN KEY (account_id)
                REFERENCES accounts (id) ON DELETE CASCADE
        )
    """)
