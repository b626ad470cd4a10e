"""The operators' view: attempts, tallies kept by triggers, heartbeats, group actions, reconciliation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

FUNCTIONS = """
-- Seconds to the number of a bucket; the bounds are those of petition.operations.waits.
CREATE FUNCTION wait_bucket(waited interval) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT width_bucket(extract(epoch FROM waited), ARRAY[
        0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8, 10, 15, 22, 33, 47, 68, 100, 150, 220, 330,
        470, 680, 1000, 1500, 2200, 3300, 4700, 6800, 10000, 15000, 22000, 33000, 47000, 68000, 100000])::smallint
$$;

CREATE FUNCTION reason_class(cause text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN cause = '' THEN '' WHEN cause ~ '^4' THEN '4xx' WHEN cause ~ '^5' THEN '5xx'
                WHEN cause = 'worker died' THEN 'crash' WHEN cause ~ '^not ' THEN 'internal' ELSE 'connection' END
$$;

CREATE FUNCTION tally_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Each branch names the transition tables that its trigger has.
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, bucket, minute, hour, change, entered)
        WITH pairs AS (
            SELECT o.lane AS lane_0, o.state AS state_0, o.cause AS cause_0, coalesce(o.domain, '') AS domain_0,
                   n.lane, n.state, n.cause, coalesce(n.domain, '') AS domain,
                   n.kind, n.created_at, n.settled_at
            FROM old_rows o JOIN new_rows n ON n.id = o.id
            WHERE (o.lane, o.state, o.cause, coalesce(o.domain, ''))
               <> (n.lane, n.state, n.cause, coalesce(n.domain, '')))
        SELECT 'delivery', lane_0, state_0, CASE WHEN state_0 IN ('deferred', 'failed', 'unknown') THEN cause_0 ELSE '' END,
               CASE WHEN state_0 IN ('deferred', 'failed', 'unknown') THEN domain_0 ELSE '' END,
               NULL::smallint, NULL::timestamptz, NULL::timestamptz, -count(*), 0
        FROM pairs GROUP BY 2, 3, 4, 5
        UNION ALL
        SELECT 'delivery', lane, state, CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent') THEN domain ELSE '' END,
               CASE WHEN state = 'sent' THEN wait_bucket(settled_at - created_at) END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent')
                    THEN date_trunc('minute', coalesce(settled_at, now())) END,
               CASE WHEN state IN ('deferred', 'failed', 'sent') AND kind = 'confirm_signature'
                    THEN date_trunc('hour', created_at) END,
               count(*), count(*) FILTER (WHERE state_0 <> state)
        FROM pairs GROUP BY 2, 3, 4, 5, 6, 7, 8;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, bucket, minute, hour, change, entered)
        SELECT 'delivery', lane, state,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent') THEN coalesce(domain, '') ELSE '' END,
               CASE WHEN state = 'sent' THEN wait_bucket(settled_at - created_at) END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown', 'sent')
                    THEN date_trunc('minute', coalesce(settled_at, now())) END,
               CASE WHEN state IN ('deferred', 'failed', 'sent') AND kind = 'confirm_signature'
                    THEN date_trunc('hour', created_at) END,
               count(*), count(*) FILTER (WHERE state <> 'due')
        FROM new_rows GROUP BY 2, 3, 4, 5, 6, 7, 8;
    ELSE
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'delivery', lane, state,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN cause ELSE '' END,
               CASE WHEN state IN ('deferred', 'failed', 'unknown') THEN coalesce(domain, '') ELSE '' END, -count(*), 0
        FROM old_rows GROUP BY 2, 3, 4, 5;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_signatures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, bucket, minute, hour, change, entered)
        WITH pairs AS (
            SELECT o.state AS state_0, n.state, n.email, n.email_canonical, n.requested_at, n.confirmed_at
            FROM old_rows o JOIN new_rows n ON n.id = o.id WHERE o.state <> n.state)
        SELECT 'signature', '', state_0, '', '', NULL::smallint, NULL::timestamptz, NULL::timestamptz, -count(*), 0
        FROM pairs GROUP BY 3
        UNION ALL
        SELECT 'signature', '', state, '',
               -- Of the address as typed, which is the one that was mailed; the canonical one where DNS has another form.
               CASE WHEN state = 'confirmed' THEN substring(CASE WHEN octet_length(email) = length(email)
                    THEN lower(email) ELSE email_canonical END FROM '[^@]*$') ELSE '' END,
               CASE WHEN state = 'confirmed' THEN wait_bucket(confirmed_at - requested_at) END,
               date_trunc('minute', now()),
               CASE WHEN state = 'confirmed' THEN date_trunc('hour', requested_at) END,
               count(*), count(*)
        FROM pairs GROUP BY 3, 5, 6, 8;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'signature', '', state, '', '', count(*), count(*) FROM new_rows GROUP BY 3;
    ELSE
        INSERT INTO tally_log (subject, lane, state, cause, domain, change, entered)
        SELECT 'signature', '', state, '', '', -count(*), 0 FROM old_rows GROUP BY 3;
    END IF;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER tally_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_{table}();
CREATE TRIGGER tally_updated AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_{table}();
CREATE TRIGGER tally_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_{table}();
"""

# What was there before the triggers; later only `petition.operations.reconcile` counts rows.
START = """
INSERT INTO depths (subject, lane, state, n) SELECT 'delivery', lane, state, count(*) FROM deliveries GROUP BY 2, 3;
INSERT INTO depths (subject, lane, state, n) SELECT 'signature', '', state, count(*) FROM signatures GROUP BY 3;
INSERT INTO failure_groups (lane, state, cause, domain, n)
    SELECT lane, state, cause, coalesce(domain, ''), count(*)
    FROM deliveries WHERE state IN ('deferred', 'failed', 'unknown') GROUP BY 1, 2, 3, 4;
"""


def upgrade() -> None:
    for column in (
        sa.Column("cause", sa.String(80), server_default="", nullable=False),
        sa.Column("request_id", sa.String(32)),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("deliveries", column)
    op.add_column("holds", sa.Column("by", sa.String(320)))
    op.create_table('attempts',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('delivery_id', sa.BigInteger(), nullable=False),
sa.Column('rung_at', sa.DateTime(timezone=True), nullable=True),
sa.Column('rung_by', sa.String(length=10), nullable=True),
sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
sa.Column('worker', sa.String(length=100), nullable=True),
sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('smtp_code', sa.SmallInteger(), nullable=True),
sa.Column('words', sa.String(length=200), nullable=True),
sa.PrimaryKeyConstraint('id', name=op.f('pk_attempts'))
)
    op.create_index('ix_attempts_delivery', 'attempts', ['delivery_id'], unique=False)
    op.create_index('ix_attempts_ended', 'attempts', ['ended_at'], unique=False, postgresql_using='brin')
    op.create_table('tally_log',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('subject', sa.String(length=10), nullable=False),
sa.Column('lane', sa.String(length=20), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('cause', sa.String(length=80), nullable=False),
sa.Column('domain', sa.String(length=255), nullable=False),
sa.Column('bucket', sa.SmallInteger(), nullable=True),
sa.Column('minute', sa.DateTime(timezone=True), nullable=True),
sa.Column('hour', sa.DateTime(timezone=True), nullable=True),
sa.Column('change', sa.BigInteger(), nullable=False),
sa.Column('entered', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('id', name=op.f('pk_tally_log'))
)
    op.create_table('depths',
sa.Column('subject', sa.String(length=10), nullable=False),
sa.Column('lane', sa.String(length=20), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('n', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('subject', 'lane', 'state', name=op.f('pk_depths'))
)
    op.create_table('failure_groups',
sa.Column('lane', sa.String(length=20), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('cause', sa.String(length=80), nullable=False),
sa.Column('domain', sa.String(length=255), nullable=False),
sa.Column('n', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('lane', 'state', 'cause', 'domain', name=op.f('pk_failure_groups'))
)
    op.create_index('ix_failure_groups_n', 'failure_groups', ['n'], unique=False)
    op.create_table('minute_tallies',
sa.Column('minute', sa.DateTime(timezone=True), nullable=False),
sa.Column('subject', sa.String(length=10), nullable=False),
sa.Column('lane', sa.String(length=20), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('reason', sa.String(length=12), nullable=False),
sa.Column('bucket', sa.SmallInteger(), autoincrement=False, nullable=False),
sa.Column('n', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('minute', 'subject', 'lane', 'state', 'reason', 'bucket', name=op.f('pk_minute_tallies'))
)
    op.create_table('totals',
sa.Column('subject', sa.String(length=10), nullable=False),
sa.Column('lane', sa.String(length=20), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('reason', sa.String(length=12), nullable=False),
sa.Column('bucket', sa.SmallInteger(), autoincrement=False, nullable=False),
sa.Column('n', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('subject', 'lane', 'state', 'reason', 'bucket', name=op.f('pk_totals'))
)
    op.create_table('domain_tallies',
sa.Column('hour', sa.DateTime(timezone=True), nullable=False),
sa.Column('domain', sa.String(length=255), nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.Column('bucket', sa.SmallInteger(), autoincrement=False, nullable=False),
sa.Column('n', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('hour', 'domain', 'state', 'bucket', name=op.f('pk_domain_tallies'))
)
    op.create_table('heartbeats',
sa.Column('name', sa.String(length=120), nullable=False),
sa.Column('part', sa.String(length=10), nullable=False),
sa.Column('host', sa.String(length=80), nullable=False),
sa.Column('pid', sa.BigInteger(), nullable=False),
sa.Column('lanes', postgresql.ARRAY(sa.String(length=20)), nullable=False),
sa.Column('version', sa.String(length=40), nullable=False),
sa.Column('threads', sa.BigInteger(), nullable=False),
sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('last_success_at', sa.DateTime(timezone=True), nullable=True),
sa.PrimaryKeyConstraint('name', name=op.f('pk_heartbeats'))
)
    op.create_table('probes',
sa.Column('name', sa.String(length=40), nullable=False),
sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('ok', sa.Boolean(), nullable=False),
sa.Column('words', sa.String(length=200), nullable=False),
sa.Column('milliseconds', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('name', name=op.f('pk_probes'))
)
    op.create_table('group_actions',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('verb', sa.String(length=10), nullable=False),
sa.Column('state', sa.String(length=10), nullable=False),
sa.Column('filter', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
sa.Column('asked_by', sa.String(length=320), nullable=False),
sa.Column('total', sa.BigInteger(), nullable=False),
sa.Column('done', sa.BigInteger(), nullable=False),
sa.Column('skipped', sa.BigInteger(), nullable=False),
sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
sa.CheckConstraint("state IN ('draft', 'running', 'stopped', 'done')", name=op.f('ck_group_actions_state')),
sa.PrimaryKeyConstraint('id', name=op.f('pk_group_actions'))
)
    op.create_index('ix_group_actions_running', 'group_actions', ['id'], unique=False, postgresql_where="state = 'running'")
    op.create_table('group_action_rows',
sa.Column('action_id', sa.BigInteger(), nullable=False),
sa.Column('delivery_id', sa.BigInteger(), autoincrement=False, nullable=False),
sa.Column('state', sa.String(length=12), nullable=False),
sa.ForeignKeyConstraint(['action_id'], ['group_actions.id'], name=op.f('fk_group_action_rows_action_id'), ondelete='CASCADE'),
sa.PrimaryKeyConstraint('action_id', 'delivery_id', name=op.f('pk_group_action_rows'))
)
    op.create_table('drifts',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('what', sa.String(length=40), nullable=False),
sa.Column('subject_id', sa.BigInteger(), nullable=True),
sa.Column('found', sa.BigInteger(), nullable=False),
sa.Column('expected', sa.BigInteger(), nullable=False),
sa.PrimaryKeyConstraint('id', name=op.f('pk_drifts'))
)
    op.execute(FUNCTIONS)
    for table in ("deliveries", "signatures"):
        op.execute(TRIGGERS.format(table=table))
    op.execute(START)
