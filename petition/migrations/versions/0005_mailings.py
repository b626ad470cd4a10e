"""Mailings: their words, tests and unsubscriptions; their deliveries tallied apart."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

# As in 0003, and for each mailing its own depths: under the subject "mailing", in place of the lane its number.
TALLY = """
CREATE OR REPLACE FUNCTION tally_mailings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', sum(change), 0 FROM (
            SELECT o.mailing_id, o.state, -1 AS change FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE o.mailing_id IS NOT NULL AND o.state <> n.state
            UNION ALL
            SELECT n.mailing_id, n.state, 1 FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE n.mailing_id IS NOT NULL AND o.state <> n.state) AS changes
        GROUP BY 2, 3 HAVING sum(change) <> 0;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', count(*), 0
        FROM new_rows WHERE mailing_id IS NOT NULL GROUP BY 2, 3;
    ELSE
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'mailing', mailing_id::text, state, '', '', -count(*), 0
        FROM old_rows WHERE mailing_id IS NOT NULL GROUP BY 2, 3;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_mailings_inserted AFTER INSERT ON deliveries REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_mailings();
CREATE TRIGGER tally_mailings_updated AFTER UPDATE ON deliveries
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_mailings();
CREATE TRIGGER tally_mailings_deleted AFTER DELETE ON deliveries REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_mailings();
"""


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("begun", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table('mailings',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('sender_name', sa.String(length=120), nullable=False),
    sa.Column('reply_to', sa.String(length=254), nullable=True),
    sa.Column('timezone', sa.String(length=60), nullable=False),
    sa.Column('segment', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('per_hour', sa.BigInteger(), nullable=True),
    sa.Column('per_domain_hour', sa.BigInteger(), nullable=True),
    sa.Column('warm_up', sa.BigInteger(), nullable=True),
    sa.Column('undo_minutes', sa.BigInteger(), server_default='5', nullable=False),
    sa.Column('failure_limit', sa.Float(), server_default=sa.text('0.05'), nullable=False),
    sa.Column('unsubscribe_limit', sa.Float(), server_default=sa.text('0.02'), nullable=False),
    sa.Column('public', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('audience', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('audience_version', sa.BigInteger(), nullable=True),
    sa.Column('tested_version', sa.BigInteger(), nullable=True),
    sa.Column('send_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('frozen_to', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('speed', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('judged_from', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=True),
    sa.Column('written_by', sa.String(length=320), nullable=False),
    sa.Column('sent_by_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("state IN ('draft', 'tested', 'scheduled', 'sending', 'paused', 'sent', 'cancelled')", name=op.f('ck_mailings_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mailings'))
    )
    op.create_index('ix_mailings_active', 'mailings', ['state'], unique=False, postgresql_where="state NOT IN ('sent', 'cancelled')")
    op.create_table('mailing_texts',
    sa.Column('mailing_id', sa.BigInteger(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('preheader', sa.String(length=300), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['mailing_id'], ['mailings.id'], name=op.f('fk_mailing_texts_mailing_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('mailing_id', 'language', name=op.f('pk_mailing_texts'))
    )
    op.create_table('mailing_tests',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('mailing_id', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('asked_by', sa.String(length=320), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['mailing_id'], ['mailings.id'], name=op.f('fk_mailing_tests_mailing_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mailing_tests'))
    )
    op.create_index(op.f('ix_mailing_tests_mailing_id'), 'mailing_tests', ['mailing_id'], unique=False)
    op.create_table('unsubscriptions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('mailing_id', sa.BigInteger(), nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), nullable=False),
    sa.Column('choice', sa.String(length=10), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("choice IN ('these', 'all', 'withdraw', 'complaint')", name=op.f('ck_unsubscriptions_choice')),
    sa.ForeignKeyConstraint(['mailing_id'], ['mailings.id'], name=op.f('fk_unsubscriptions_mailing_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unsubscriptions')),
    sa.UniqueConstraint('mailing_id', 'delivery_id', name=op.f('uq_unsubscriptions_mailing_id_delivery_id'))
    )
    op.execute(TALLY)
