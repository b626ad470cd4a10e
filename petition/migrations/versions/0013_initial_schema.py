"""The whole schema; a database that was at 0012 gets its names instead."""

from pathlib import Path

from alembic import op
from sqlalchemy import inspect

revision = "0013"
down_revision = "0012"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    """Create tables, functions and triggers; where the tables are there already, rename them (docs/decisions/0030)."""
    connection = op.get_bind()
    tables = "0012_to_0013.sql" if inspect(connection).has_table("deliveries") else "0013_tables.sql"
    for name in (tables, "0013_functions.sql"):
        connection.exec_driver_sql((SQL / name).read_text(encoding="utf-8"))
