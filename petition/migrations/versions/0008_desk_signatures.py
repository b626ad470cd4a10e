"""The desk for signatures: indexes for its search, kept searches, and group actions made general: runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

# Group actions on deliveries become runs on anything; those that wait or run go on as they are.
RUNS = """
ALTER TABLE group_actions RENAME TO runs;
ALTER TABLE runs RENAME CONSTRAINT pk_group_actions TO pk_runs;
ALTER TABLE runs RENAME CONSTRAINT ck_group_actions_state TO ck_runs_state;
ALTER INDEX ix_group_actions_running RENAME TO ix_runs_running;
ALTER TABLE runs ALTER verb TYPE varchar(20), ADD subject varchar(20) NOT NULL DEFAULT 'deliveries',
    ADD reason varchar(200), ADD position bigint NOT NULL DEFAULT 0,
    ADD undoes bigint CONSTRAINT fk_runs_undoes REFERENCES runs ON DELETE CASCADE;
ALTER TABLE runs ALTER subject DROP DEFAULT;
CREATE INDEX ix_runs_undoes ON runs (undoes) WHERE undoes IS NOT NULL;
ALTER TABLE group_action_rows RENAME TO run_rows;
ALTER TABLE run_rows RENAME action_id TO run_id;
ALTER TABLE run_rows RENAME delivery_id TO subject_id;
ALTER TABLE run_rows RENAME CONSTRAINT pk_group_action_rows TO pk_run_rows;
ALTER TABLE run_rows RENAME CONSTRAINT fk_group_action_rows_action_id TO fk_run_rows_run_id;
ALTER TABLE run_rows ADD done_at timestamptz;
CREATE INDEX ix_run_rows_done ON run_rows (subject_id) WHERE done_at IS NOT NULL;
"""
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
    if sa.inspect(op.get_bind()).has_table("group_actions"):
        op.execute(RUNS)
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
