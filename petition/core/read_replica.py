"""A replica of the database for what may be read a little late, and never for anything in the way of a signature."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from flask import Flask, current_app
from sqlalchemy import Engine, Row, Select, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.db import db, engine_options

MAX_LAG_SECONDS = 5  # seconds
CATCH_UP_TIMEOUT_SECONDS = 3.0  # seconds that a long read waits for the replica to have what is committed
QUERY_TIMEOUT_SECONDS = 2.0  # seconds that a list waits for the replica
BACK_OFF_SECONDS = 3.0  # seconds that a replica which is away or late is left alone
# Heartbeats are written every second: a replica whose last transaction is older than `LATEST` follows no more.
IS_UP_TO_DATE_SQL = text(
    "SELECT pg_is_in_recovery() AND now() - pg_last_xact_replay_timestamp() < make_interval(secs => :late)"
)
CURRENT_LSN_SQL = text("SELECT CAST(pg_current_wal_lsn() AS text)")
HAS_REPLAYED_LSN_SQL = text("SELECT pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn)")

log = structlog.get_logger(__name__)


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server which hangs: a timeout of the server's own would hang with it."""

    patience = QUERY_TIMEOUT_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer, `patience` seconds at most; a connection that failed is closed."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError:
            self.close()
            raise


class Replica:
    """The engine of the replica, left alone for a while after it failed."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.breaker, self.is_healthy = engine, CircuitBreaker(BACK_OFF_SECONDS), False

    def session(self, patience: float = QUERY_TIMEOUT_SECONDS) -> Session | None:
        """Return a session on the replica if it answers and keeps up."""
        if self.breaker.is_open():
            return None
        if not self.is_healthy:
            self.breaker.trip()  # one thread tries it, the others do without meanwhile
        session, trouble = Session(self.engine), "late, or no replica"
        try:
            connection = _driver_connection(session)
            connection.patience = QUERY_TIMEOUT_SECONDS
            if session.scalar(IS_UP_TO_DATE_SQL, {"late": MAX_LAG_SECONDS}):
                connection.patience, self.is_healthy = patience, True
                self.breaker.close()
                return session
        except SQLAlchemyError as error:
            trouble = type(error).__name__
        session.close()
        self.rest(trouble)
        return None

    def rest(self, trouble: str) -> None:
        """Do without it for a while."""
        self.is_healthy = False
        self.breaker.trip()
        log.warning("the replica is left alone: the database is read in its place", trouble=trouble)


def fetch_rows(query: Select[Any]) -> Sequence[Row[Any]]:
    """Return a query's rows, at most `LATEST` seconds late; the database answers where the replica fails."""
    replica = _get_replica()
    session = replica.session() if replica else None
    if replica and session:
        with session:
            try:
                return session.execute(query).all()
            except SQLAlchemyError as error:
                replica.rest(type(error).__name__)
    return db.session.execute(query).all()


@contextmanager
def consistent_session(timeout_seconds: float) -> Iterator[Session | scoped_session[Any]]:
    """Yield a session that sees all that is committed by now: the replica's once it does, else the request's own.

    `patience`: seconds that each statement may wait for the replica.
    """
    replica = _get_replica()
    session = replica.session(timeout_seconds) if replica else None
    if session is None:
        yield db.session
        return
    with session:
        yield session if _wait_for_catch_up(session) else db.session


def _wait_for_catch_up(session: Session) -> bool:
    written, ends = db.session.scalar(CURRENT_LSN_SQL), time.monotonic() + CATCH_UP_TIMEOUT_SECONDS
    while time.monotonic() < ends:
        if session.scalar(HAS_REPLAYED_LSN_SQL, {"written": written}):
            return True
        time.sleep(0.05)
    return False


def _driver_connection(session: Session) -> TimeoutConnection:
    found: Any = session.connection().connection.driver_connection
    return found


def _connect(_dialect: Any, _record: Any, arguments: Sequence[Any], options: dict[str, Any]) -> TimeoutConnection:
    return TimeoutConnection.connect(*arguments, **options)


def _get_replica() -> Replica | None:
    found: Replica | None = current_app.extensions["petition.replica"]
    return found


def check_replica() -> dict[str, str]:
    """Return the state of the replica, if there is one, for /readyz."""
    replica = _get_replica()
    if replica is None:
        return {}
    session = replica.session()
    if session is None:
        return {"replica": "away or late: the database is read in its place"}
    session.close()
    return {"replica": "ok"}


def init_app(app: Flask) -> None:
    """Prepare the replica of the settings; it is connected to on first use."""
    url, replica = app.config["DATABASE_REPLICA_URL"], None
    if url:
        options = engine_options(app)
        options["connect_args"] |= {"connect_timeout": int(QUERY_TIMEOUT_SECONDS)}
        replica = Replica(create_engine(url, **options))
        event.listen(replica.engine, "do_connect", _connect)
    app.extensions["petition.replica"] = replica
    app.extensions.setdefault("petition.readiness_checks", []).append(check_replica)
