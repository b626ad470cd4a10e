"""What Alembic runs: migrations on the application's own engine, never waiting long for a lock."""

import time
from typing import Any

from alembic import context
from sqlalchemy import text

from petition.core.db import db

ADVISORY_LOCK_ID = 7_226_101  # any number: two migrations at once would otherwise race
# Signers queue behind a migration that waits for its lock: it gives up, and `core.migrations` tries again.
LOCK_TIMEOUT_MILLISECONDS = 500
HAS_COLUMN_SQL = """
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass('alembic_version') AND attname = 'compatible_from')
"""


def record_compatibility(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:  # noqa: ARG001
    """Store which code may run on the schema, in the transaction of its migration; unstated: its own and later."""
    script = next(iter(step.destination_revisions), None)
    if script and ctx.connection.scalar(text(HAS_COLUMN_SQL)):
        stated = getattr(script.module, "compatible_from", script.revision)
        ctx.connection.execute(text("UPDATE alembic_version SET compatible_from = :stated"), {"stated": stated})


def run() -> None:
    """Apply the migrations, one host at a time, each in its own transaction."""
    with db.engine.connect() as connection:
        try:
            connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
            connection.execute(text("SET statement_timeout = 0"))
            # Asked again and again: a statement that waits for it would keep a snapshot, which an index that another
            # host builds concurrently waits for.
            while not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK_ID}):
                connection.rollback()
                time.sleep(1)
            connection.commit()
            context.configure(
                connection=connection,
                target_metadata=db.metadata,
                compare_type=True,
                compare_server_default=True,
                transaction_per_migration=True,
                on_version_apply=record_compatibility,
            )
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.invalidate()  # not used again: its lock and its settings are of the session


run()
