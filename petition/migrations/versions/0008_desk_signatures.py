"""The desk for signatures: indexes for its search, built while signers sign; searches that are kept for a day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0004"

INDEXES = {
    "ix_audit_events_subject": "(subject, subject_id, id)",
    "ix_signatures_words": "USING gin ((to_tsvector('simple', name || ' ' || coalesce(organisation, ''))))",
    "ix_signatures_email": "(lower(email) text_pattern_ops)",
    "ix_signatures_profession": "(lower(profession) text_pattern_ops)",
    "ix_signatures_domain": "(split_part(email_canonical, '@', -1), id)",
    "ix_signatures_state": "(state, id)",
    "ix_signatures_petition": "(petition_id, id)",
    "ix_signatures_created": "(created_at, id)",
    "ix_signatures_confirmed": "(confirmed_at, id) WHERE confirmed_at IS NOT NULL",
    "ix_signatures_network": "(network, id) WHERE network IS NOT NULL",
    "ix_signatures_network_kept": "(requested_at) WHERE network IS NOT NULL",
}


def upgrade() -> None:
    # An interrupted build of an index runs all of this again.
    op.add_column("signatures", sa.Column("network", sa.String(32)), if_not_exists=True)
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_saved_searches_account_id"), ondelete="CASCADE"
        ),
        if_not_exists=True,
    )
    op.create_index("ix_saved_searches_created_at", "saved_searches", ["created_at"], if_not_exists=True)
    with op.get_context().autocommit_block():
        for name, what in INDEXES.items():
            table = "audit_events" if name.startswith("ix_audit") else "signatures"
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} {what}")
