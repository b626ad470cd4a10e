"""A scratch database on a server: created for a drill, and dropped however the drill ends."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql
from sqlalchemy.engine import make_url

from petition.backups.pg_tools import ToolError

PREFIX = "petition_drill_"
LEFTOVER_AFTER_SECONDS = 24 * 3600  # of a drill that was killed outright
# The same text of a row on both sides, and no limits: a drill reads whole tables.
SESSION_SETTINGS_SQL = """
    SELECT set_config(name, value, false) FROM (VALUES
        ('statement_timeout', '0'), ('lock_timeout', '10s'), ('idle_in_transaction_session_timeout', '0'),
        ('timezone', 'UTC'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('extra_float_digits', '1'),
        ('bytea_output', 'hex'), ('search_path', 'public')
    ) AS settings (name, value)
"""
LEFTOVERS_SQL = """
    SELECT datname FROM pg_database
    WHERE datname ~ '^petition_drill_[0-9]+_[0-9]+$' AND split_part(datname, '_', 3)::bigint < %s
"""


def connect(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Connect to the database of a URL, in autocommit mode, with the settings of a drill. Raises `ToolError`."""
    try:
        connection = psycopg.connect(_plain(url), autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        lines = str(error).strip().splitlines()
        raise ToolError(f"the database cannot be reached: {lines[0] if lines else type(error).__name__}") from None
    connection.execute(SESSION_SETTINGS_SQL)
    return connection


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """Create an empty database on the server of a URL, and yield its URL; drop it, also when interrupted.

    Drops what killed drills left a day ago, too. Raises `ToolError` without the right to create databases.
    """
    name = f"{PREFIX}{int(time.time())}_{os.getpid()}"
    with connect(url) as connection:
        for (leftover,) in connection.execute(LEFTOVERS_SQL, (int(time.time()) - LEFTOVER_AFTER_SECONDS,)).fetchall():
            _drop(connection, leftover)
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except errors.InsufficientPrivilege:
            user = connection.info.user
            raise ToolError(
                f"the role {user} may not create databases: ALTER ROLE {user} CREATEDB, or give --into the URL of"
                " another server"
            ) from None
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with _uninterrupted(), connect(url) as connection:
            _drop(connection, name)


def _drop(connection: "psycopg.Connection[tuple[Any, ...]]", name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let no second Ctrl-C leave the database behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that what has to be removed is removed."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
