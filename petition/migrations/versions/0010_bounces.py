"""Bounces: what comes back, and what followed from it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table('bounces',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('kind', sa.String(length=14), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('words', sa.String(length=200), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), nullable=True),
    sa.Column('mailing_id', sa.BigInteger(), nullable=True),
    sa.Column('address_hash', sa.String(length=32), nullable=True),
    sa.Column('raw', sa.LargeBinary(), nullable=True),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('permanent', 'soft', 'policy', 'complaint', 'delayed', 'unsubscribe', 'not_understood')", name=op.f('ck_bounces_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bounces')),
    sa.UniqueConstraint('digest', name=op.f('uq_bounces_digest'))
    )
    op.create_index('ix_bounces_mailing', 'bounces', ['mailing_id', 'kind'], postgresql_where="mailing_id IS NOT NULL")
    op.create_index('ix_bounces_delivery', 'bounces', ['delivery_id'])
    op.create_index('ix_bounces_address', 'bounces', ['address_hash', 'at'], postgresql_where="kind = 'soft'")
    op.create_index('ix_bounces_unread', 'bounces', ['id'], postgresql_where="kind = 'not_understood' AND read_at IS NULL")
    op.create_index('ix_bounces_at', 'bounces', ['at'])
