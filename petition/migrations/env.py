"""What Alembic runs: migrations on the application's own engine, never waiting long for a lock."""

from alembic import context
from sqlalchemy import text

from petition.core.db import db

LOCK = 7_226_101  # any number: two migrations at once would otherwise race


def run() -> None:
    """Apply the migrations, one host at a time, each in its own transaction."""
    with db.engine.connect() as connection:
        # A migration that cannot have its lock soon gives up, so that signers behind it do not queue.
        connection.execute(text("SET lock_timeout = '3s'"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        connection.commit()


run()
