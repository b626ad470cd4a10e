"""Bring the database to the schema of this code, and tell whether it is there."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from petition.core.db import db


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "petition:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade() -> None:
    """Apply the migrations that the database lacks; none if it has them all. Safe to run on several hosts at once."""
    command.upgrade(_config(), "head")


def revise(message: str) -> None:
    """Write the migration that the models ask for, to be read and mended before it is committed."""
    command.revision(_config(), message, autogenerate=True)


def revision() -> str | None:
    """Return the revision that the database is at, or None if it is empty."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()
