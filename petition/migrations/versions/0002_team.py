"""The team: accounts, passkeys, the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table('accounts',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('email', sa.String(length=320), nullable=False),
sa.Column('name', sa.String(length=120), nullable=False),
sa.Column('language', sa.String(length=5), nullable=False),
sa.Column('role_names', postgresql.ARRAY(sa.String(length=20)), nullable=False),
sa.Column('active', sa.Boolean(), nullable=False),
sa.Column('password', sa.String(length=255), nullable=True),
sa.Column('fs_uniquifier', sa.String(length=64), nullable=False),
sa.Column('link_generation', sa.BigInteger(), nullable=False),
sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('last_sign_in_at', sa.DateTime(timezone=True), nullable=True),
sa.Column('tf_primary_method', sa.String(length=64), nullable=True),
sa.Column('tf_totp_secret', sa.String(length=255), nullable=True),
sa.Column('tf_last_counter', sa.BigInteger(), nullable=True),
sa.Column('fs_webauthn_user_handle', sa.String(length=64), nullable=True),
sa.Column('mf_recovery_codes', sa.UnicodeText(), nullable=True),
sa.PrimaryKeyConstraint('id', name=op.f('pk_accounts')),
sa.UniqueConstraint('email', name=op.f('uq_accounts_email')),
sa.UniqueConstraint('fs_uniquifier', name=op.f('uq_accounts_fs_uniquifier')),
sa.UniqueConstraint('fs_webauthn_user_handle', name=op.f('uq_accounts_fs_webauthn_user_handle'))
)
    op.create_table('passkeys',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('user_id', sa.BigInteger(), nullable=False),
sa.Column('credential_id', sa.LargeBinary(length=1024), nullable=False),
sa.Column('public_key', sa.LargeBinary(), nullable=False),
sa.Column('sign_count', sa.BigInteger(), nullable=False),
sa.Column('transports', sa.UnicodeText(), nullable=True),
sa.Column('backup_state', sa.Boolean(), nullable=False),
sa.Column('device_type', sa.String(length=64), nullable=False),
sa.Column('extensions', sa.String(length=255), nullable=True),
sa.Column('create_datetime', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('lastuse_datetime', sa.DateTime(timezone=True), nullable=False),
sa.Column('name', sa.String(length=64), nullable=False),
sa.Column('usage', sa.String(length=64), nullable=False),
sa.ForeignKeyConstraint(['user_id'], ['accounts.id'], name=op.f('fk_passkeys_user_id'), ondelete='CASCADE'),
sa.PrimaryKeyConstraint('id', name=op.f('pk_passkeys')),
sa.UniqueConstraint('credential_id', name=op.f('uq_passkeys_credential_id'))
)
    op.create_index(op.f('ix_passkeys_user_id'), 'passkeys', ['user_id'], unique=False)
    op.create_table('audit_events',
sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
sa.Column('account_id', sa.BigInteger(), nullable=True),
sa.Column('actor', sa.String(length=320), nullable=False),
sa.Column('action', sa.String(length=60), nullable=False),
sa.Column('subject', sa.String(length=40), nullable=False),
sa.Column('subject_id', sa.String(length=80), nullable=True),
sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
sa.Column('request_id', sa.String(length=32), nullable=True),
sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_events'))
)
    op.create_index('ix_audit_events_action', 'audit_events', ['action', sa.literal_column('id DESC')], unique=False)
    op.create_index('ix_audit_events_actor', 'audit_events', ['actor', sa.literal_column('id DESC')], unique=False)
