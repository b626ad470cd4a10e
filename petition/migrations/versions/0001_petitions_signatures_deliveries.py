"""Petitions, signatures, deliveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("confirmation_numbers")))
    op.create_table('consent_wordings',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('text', sa.String(length=600), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent_wordings')),
    sa.UniqueConstraint('version', 'language', 'text', name=op.f('uq_consent_wordings_version_language_text'))
    )
    op.create_table('deliveries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('lane', sa.String(length=20), nullable=False),
    sa.Column('petition_id', sa.BigInteger(), nullable=False),
    sa.Column('subject_id', sa.BigInteger(), nullable=False),
    sa.Column('generation', sa.BigInteger(), nullable=False),
    sa.Column('mailing_id', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('attempt', sa.SmallInteger(), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('claim_token', sa.Uuid(), nullable=True),
    sa.Column('claimed_by', sa.String(length=100), nullable=True),
    sa.Column('smtp_code', sa.SmallInteger(), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=True),
    sa.Column('domain', sa.String(length=255), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('due', 'sending', 'sent', 'deferred', 'failed', 'unknown', 'cancelled', 'suppressed')", name=op.f('ck_deliveries_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('kind', 'subject_id', 'generation', name=op.f('uq_deliveries_kind_subject_id_generation'))
    )
    op.create_index('ix_deliveries_leased', 'deliveries', ['lease_until'], unique=False, postgresql_where="state = 'sending'")
    op.create_index('ix_deliveries_subject', 'deliveries', ['subject_id', 'created_at'], unique=False)
    op.create_index('ix_deliveries_waiting', 'deliveries', ['lane', 'next_attempt_at'], unique=False, postgresql_where="state IN ('due', 'deferred')")
    op.create_table('holds',
    sa.Column('scope', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('strikes', sa.SmallInteger(), nullable=False),
    sa.PrimaryKeyConstraint('scope', name=op.f('pk_holds'))
    )
    op.create_table('petitions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('slug', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('default_language', sa.String(length=5), nullable=False),
    sa.Column('sender_name', sa.String(length=120), nullable=False),
    sa.Column('reply_to', sa.String(length=254), nullable=True),
    sa.Column('asks', postgresql.ARRAY(sa.String(length=20)), nullable=False),
    sa.Column('listing', sa.String(length=10), nullable=False),
    sa.Column('accepts_organisations', sa.Boolean(), nullable=False),
    sa.Column('milestones', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('timezone', sa.String(length=60), server_default='Europe/Paris', nullable=False),
    sa.Column('opens_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("kind IN ('petition', 'open_letter')", name=op.f('ck_petitions_kind')),
    sa.CheckConstraint("listing IN ('opt_in', 'none')", name=op.f('ck_petitions_listing')),
    sa.CheckConstraint("state IN ('draft', 'open', 'closed', 'archived')", name=op.f('ck_petitions_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_petitions')),
    sa.UniqueConstraint('slug', name=op.f('uq_petitions_slug'))
    )
    op.create_table('suppressions',
    sa.Column('address_hash', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('address_hash', name=op.f('pk_suppressions'))
    )
    op.create_table('petition_counts',
    sa.Column('petition_id', sa.BigInteger(), nullable=False),
    sa.Column('slot', sa.SmallInteger(), nullable=False),
    sa.Column('people', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('organisations', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('paper', sa.BigInteger(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['petition_id'], ['petitions.id'], name=op.f('fk_petition_counts_petition_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('petition_id', 'slot', name=op.f('pk_petition_counts'))
    )
    op.create_table('petition_texts',
    sa.Column('petition_id', sa.BigInteger(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('summary', sa.String(length=600), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('addressee', sa.String(length=200), nullable=False),
    sa.Column('professions', postgresql.ARRAY(sa.String(length=120)), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['petition_id'], ['petitions.id'], name=op.f('fk_petition_texts_petition_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('petition_id', 'language', name=op.f('pk_petition_texts'))
    )
    op.create_table('signatures',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('petition_id', sa.BigInteger(), nullable=False),
    sa.Column('party', sa.String(length=12), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('organisation', sa.String(length=200), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('email_canonical', sa.String(length=320), nullable=False),
    sa.Column('profession', sa.String(length=120), nullable=True),
    sa.Column('city', sa.String(length=120), nullable=True),
    sa.Column('postal_code', sa.String(length=20), nullable=True),
    sa.Column('country', sa.String(length=2), nullable=True),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('listed', sa.Boolean(), nullable=False),
    sa.Column('updates', sa.Boolean(), nullable=False),
    sa.Column('updates_wording_id', sa.BigInteger(), nullable=True),
    sa.Column('updates_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('generation', sa.BigInteger(), nullable=False),
    sa.Column('valid_from', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_no', sa.BigInteger(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("party IN ('person', 'organisation')", name=op.f('ck_signatures_party')),
    sa.CheckConstraint("state IN ('pending', 'confirmed', 'withdrawn', 'disowned', 'invalidated')", name=op.f('ck_signatures_state')),
    sa.ForeignKeyConstraint(['petition_id'], ['petitions.id'], name=op.f('fk_signatures_petition_id')),
    sa.ForeignKeyConstraint(['updates_wording_id'], ['consent_wordings.id'], name=op.f('fk_signatures_updates_wording_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signatures')),
    sa.UniqueConstraint('petition_id', 'party', 'email_canonical', name=op.f('uq_signatures_petition_id_party_email_canonical'))
    )
    op.create_index('ix_signatures_email_canonical', 'signatures', ['email_canonical'], unique=False)
    op.create_index('ix_signatures_list', 'signatures', ['petition_id', 'confirmed_no'], unique=False, postgresql_where=sa.text("state = 'confirmed' AND listed"))
    op.create_index('ix_signatures_organisations', 'signatures', ['petition_id', 'organisation', 'confirmed_no'], unique=False, postgresql_where=sa.text("state = 'confirmed' AND listed AND party = 'organisation'"))
    op.create_index('ix_signatures_pending', 'signatures', ['requested_at'], unique=False, postgresql_where=sa.text("state = 'pending'"))
