"""Paper files that a worker reads, and adds and removes in batches; whether each paper signature counts."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add columns without a rewrite of `paper_signatures`: all rows count but those of drafts, which live for a day."""
    op.execute("""
        ALTER TABLE paper_imports
            DROP CONSTRAINT ck_paper_imports_state,
            ADD CONSTRAINT ck_paper_imports_state
                CHECK (state IN ('reading', 'question', 'draft', 'done', 'undone')),
            ADD COLUMN content BYTEA,
            ADD COLUMN position BIGINT DEFAULT 0 NOT NULL,
            ADD COLUMN waiting BIGINT DEFAULT 0 NOT NULL,
            ADD COLUMN date_order VARCHAR(5),
            ADD COLUMN date_example VARCHAR(10),
            ADD COLUMN action_id BIGINT,
            ADD CONSTRAINT fk_paper_imports_action_id
                FOREIGN KEY(action_id) REFERENCES bulk_actions (id) ON DELETE SET NULL
    """)
    op.execute("CREATE INDEX ix_paper_imports_reading ON paper_imports (id) WHERE state = 'reading'")
    op.execute("CREATE INDEX ix_paper_imports_action ON paper_imports (action_id) WHERE action_id IS NOT NULL")
    op.execute("ALTER TABLE paper_signatures ADD COLUMN counted BOOLEAN DEFAULT true NOT NULL")
    op.execute("ALTER TABLE paper_signatures ALTER COLUMN counted SET DEFAULT false")
    op.execute("""
        UPDATE paper_signatures SET counted = false FROM paper_imports
        WHERE paper_imports.id = paper_signatures.import_id AND paper_imports.state = 'draft'
    """)
    op.execute("""
        UPDATE paper_imports SET waiting = (SELECT count(*) FROM paper_signatures WHERE import_id = paper_imports.id)
        WHERE state = 'draft'
    """)
