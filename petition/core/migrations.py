"""Bring the database to the schema of this code, and tell whether it is there."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from petition.core.db import db

# More rows than any table gets between two backups.
SKIPPED_IDS = 10_000_000
SKIP_IDS_SQL = text("""
    SELECT count(setval(pg_get_serial_sequence(quote_ident(table_name), column_name), :gap + (
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
    """Write the migration that the models ask for, to be read and mended before it is committed."""
    command.revision(_config(), message, autogenerate=True)


def current_revision() -> str | None:
    """Return the revision that the database is at, or None if it is empty."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """Return the revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def skip_ids() -> int:
    """Leave a gap in the numbers of all tables, and return of how many; flushes.

    A database that was restored would give out anew the numbers of what came after its backup; but links to those left
    by email, and would lead to somebody else's signature.
    """
    return db.session.scalar(SKIP_IDS_SQL, {"gap": SKIPPED_IDS}) or 0
