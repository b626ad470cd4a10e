"""The team's desk: opt-ins counted by a worker, and what somebody typed and has not saved."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create `opt_in_counts` and `unsaved_forms`."""
    op.execute("""
        CREATE TABLE opt_in_counts (
            petition_id BIGINT NOT NULL,
            n BIGINT NOT NULL,
            counted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT pk_opt_in_counts PRIMARY KEY (petition_id),
            CONSTRAINT fk_opt_in_counts_petition_id FOREIGN KEY (petition_id) REFERENCES petitions (id) ON DELETE CASCADE
        )
    """)
    op.execute("""
        CREATE TABLE unsaved_forms (
            account_id BIGINT NOT NULL,
            form VARCHAR(200) NOT NULL,
            fields JSONB NOT NULL,
            kept_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT pk_unsaved_forms PRIMARY KEY (account_id, form),
            CONSTRAINT fk_unsaved_forms_account_id FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
        )
    """)
