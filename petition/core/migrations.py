"""Database migrations (Alembic): apply and write them; skip ids after a restore."""

import time

import structlog
from alembic import command
from alembic.config import Config
from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from petition.core import schema
from petition.core.db import db
from petition.core.exceptions import Conflict

# More rows than any table gets between two backups. `pg_sequences.last_value` is NULL for an unused sequence.
SKIPPED_IDS = 10_000_000
LOCK_ATTEMPTS, LOCK_PAUSE_SECONDS = 40, 1.5
SKIP_IDS_SQL = text("""
    SELECT count(setval(pg_get_serial_sequence(quote_ident(table_name), column_name), :skipped + (
        SELECT coalesce(last_value, 0) FROM pg_sequences
        WHERE (quote_ident(schemaname) || '.' || quote_ident(sequencename))
              = pg_get_serial_sequence(quote_ident(table_name), column_name))))
    FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'
""")


log = structlog.get_logger(__name__)


class SchemaLocked(Conflict):
    """A migration could not get its locks; those before it were applied."""

    def __init__(self) -> None:
        super().__init__(
            {"schema": "other transactions hold locks that a migration needs: run petition db upgrade again"}
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "petition:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade() -> None:
    """Apply the migrations that the database lacks; none if it has them all. Safe to run on several hosts at once.

    A migration that cannot get a lock is rolled back and tried again, for a minute or so; then raises `SchemaLocked`.
    Does nothing on a database that a newer version migrated if this code may run on it; else raises `SchemaMismatch`.
    """
    state = read_schema()
    if state.is_newer:
        return
    if state.problem and not state.is_behind:
        raise schema.SchemaMismatch(state.problem)
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            command.upgrade(_config(), "head")
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            log.warning("migration waits for a lock", attempt=attempt, attempts=LOCK_ATTEMPTS)
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return
    raise SchemaLocked


def make_migration(message: str) -> None:
    """Generate a migration from the difference between models and database, to be reviewed before it is committed."""
    command.revision(_config(), message, autogenerate=True)


def read_schema() -> schema.Schema:
    """Return the revision of the database, on a connection of its own."""
    with db.engine.connect() as connection:
        return schema.read(lambda statement: connection.execute(text(statement)).first())


def skip_ids() -> int:
    """Advance the identity sequences of all tables by `SKIPPED_IDS`; return how many. Flushes.

    A restored database would otherwise reuse the ids of rows that were created after its backup. Links to those were
    mailed, and would lead to somebody else's signature.
    """
    return db.session.scalar(SKIP_IDS_SQL, {"skipped": SKIPPED_IDS}) or 0
