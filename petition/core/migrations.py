"""Database migrations (Alembic): apply, write, compare revisions; skip ids after a restore."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from petition.core.db import db

# More rows than any table gets between two backups. `pg_sequences.last_value` is NULL for an unused sequence.
SKIPPED_IDS = 10_000_000
SKIP_IDS_SQL = text("""
    SELECT count(setval(pg_get_serial_sequence(quote_ident(table_name), column_name), :skipped + (
        SELECT coalesce(last_value, 0) FROM pg_sequences
        WHERE (quote_ident(schemaname) || '.' || quote_ident(sequencename))
              = pg_get_serial_sequence(quote_ident(table_name), column_name))))
    FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'
""")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "petition:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade() -> None:
    """Apply the migrations that the database lacks; none if it has them all. Safe to run on several hosts at once."""
    command.upgrade(_config(), "head")


def make_migration(message: str) -> None:
    """Generate a migration from the difference between models and database, to be reviewed before it is committed."""
    command.revision(_config(), message, autogenerate=True)


def current_revision() -> str | None:
    """Return the revision that the database is at, or None if it is empty."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """Return the revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def skip_ids() -> int:
    """Advance the identity sequences of all tables by `SKIPPED_IDS`; return how many. Flushes.

    A restored database would otherwise reuse the ids of rows that were created after its backup. Links to those were
    mailed, and would lead to somebody else's signature.
    """
    return db.session.scalar(SKIP_IDS_SQL, {"skipped": SKIPPED_IDS}) or 0
