"""Providers and webhook endpoints are backed off from: the columns and the state have that name.

In one release, where CONTRIBUTING.md asks for two: no release has been published that reads the old names.
"""

from alembic import op

revision = "0053"
down_revision = "0052"
compatible_from = "0053"  # older code reads the columns by their old names

# The tables are small, and a worker reads them for a moment: one transaction.
STATEMENTS = (
    "ALTER TABLE mail_providers DROP CONSTRAINT ck_mail_providers_state",
    "UPDATE mail_providers SET state = 'backing_off' WHERE state = 'resting'",
    "ALTER TABLE mail_providers RENAME rest_until TO backoff_until",
    """
    ALTER TABLE mail_providers
        ADD CONSTRAINT ck_mail_providers_state CHECK (state IN ('flowing', 'backing_off', 'growing'))
    """,
    "ALTER TABLE webhook_endpoints RENAME rests_until TO backoff_until",
)


def upgrade() -> None:
    """Rename the columns and the state."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Change nothing: the version before needs the backup from before the upgrade (docs/decisions/0051)."""
