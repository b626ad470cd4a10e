"""Optional read replica for public lists and exports, which may lag a little. Signing never uses it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from flask import Flask, current_app
from sqlalchemy import Engine, Executable, Row, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.db import db, engine_options

MAX_LAG_SECONDS = 5
CATCH_UP_TIMEOUT_SECONDS = 3.0  # a consistent read waits for the replica to replay what is committed
QUERY_TIMEOUT_SECONDS = 2.0
BACK_OFF_SECONDS = 3.0  # after a failure or too much lag, the primary is used
# Works without load, as worker heartbeats are written every second.
IS_UP_TO_DATE_SQL = text(
    "SELECT pg_is_in_recovery() AND now() - pg_last_xact_replay_timestamp() < make_interval(secs => :max_lag)"
)
CURRENT_LSN_SQL = text("SELECT CAST(pg_current_wal_lsn() AS text)")
HAS_REPLAYED_LSN_SQL = text("SELECT pg_last_wal_replay_lsn() >= CAST(:lsn AS pg_lsn)")

log = structlog.get_logger(__name__)


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection with a client-side timeout: a server that hangs does not enforce its own statement timeout."""

    timeout_seconds = QUERY_TIMEOUT_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for a reply for at most `timeout_seconds`; close the connection on failure."""
        try:
            return super().wait(gen, interval, self.timeout_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            self.close()
            raise


class Replica:
    """The replica's engine behind a circuit breaker."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.breaker, self.is_healthy = engine, CircuitBreaker(BACK_OFF_SECONDS), False

    def session(self, timeout_seconds: float = QUERY_TIMEOUT_SECONDS) -> Session | None:
        """Return a session on the replica, or None if it does not answer or lags too much.

        `timeout_seconds`: for each statement of the session.
        """
        if self.breaker.is_open():
            return None
        if not self.is_healthy:
            self.breaker.trip()  # one thread tries it; the others use the primary meanwhile
        session, reason = Session(self.engine), "lagging, or not a replica"
        try:
            connection = _driver_connection(session)
            connection.timeout_seconds = QUERY_TIMEOUT_SECONDS
            if session.scalar(IS_UP_TO_DATE_SQL, {"max_lag": MAX_LAG_SECONDS}):
                connection.timeout_seconds, self.is_healthy = timeout_seconds, True
                self.breaker.close()
                return session
        except SQLAlchemyError as error:
            reason = type(error).__name__
        session.close()
        self.back_off(reason)
        return None

    def back_off(self, reason: str) -> None:
        """Use the primary for `BACK_OFF_SECONDS`."""
        self.is_healthy = False
        self.breaker.trip()
        log.warning("read replica skipped, using the primary", reason=reason)


def fetch_rows(query: Executable) -> Sequence[Row[Any]]:
    """Return a query's rows, at most `MAX_LAG_SECONDS` old; the primary answers if the replica does not."""
    replica = _get_replica()
    session = replica.session() if replica else None
    if replica and session:
        with session:
            try:
                return session.execute(query).all()
            except SQLAlchemyError as error:
                replica.back_off(type(error).__name__)
    return db.session.execute(query).all()


@contextmanager
def consistent_session(timeout_seconds: float) -> Iterator[Session | scoped_session[Any]]:
    """Yield a session that sees everything committed before the call: the replica's once it has caught up, else ours.

    `timeout_seconds`: for each statement on the replica.
    """
    replica = _get_replica()
    session = replica.session(timeout_seconds) if replica else None
    if session is None:
        yield db.session
        return
    with session:
        yield session if _wait_for_catch_up(session) else db.session


def _wait_for_catch_up(session: Session) -> bool:
    lsn, deadline = db.session.scalar(CURRENT_LSN_SQL), time.monotonic() + CATCH_UP_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if session.scalar(HAS_REPLAYED_LSN_SQL, {"lsn": lsn}):
            return True
        time.sleep(0.05)
    return False


def _driver_connection(session: Session) -> TimeoutConnection:
    connection: TimeoutConnection = session.connection().connection.driver_connection  # type: ignore[assignment]
    return connection


def _connect(_dialect: Any, _record: Any, arguments: Sequence[Any], options: dict[str, Any]) -> TimeoutConnection:
    return TimeoutConnection.connect(*arguments, **options)


def _get_replica() -> Replica | None:
    replica: Replica | None = current_app.extensions["petition.replica"]
    return replica


def check_replica() -> dict[str, str]:
    """Return the replica's state for /readyz; empty without a replica."""
    replica = _get_replica()
    if replica is None:
        return {}
    session = replica.session()
    if session is None:
        return {"replica": "unreachable or lagging: the primary is used"}
    session.close()
    return {"replica": "ok"}


def init_app(app: Flask) -> None:
    """Create the engine of DATABASE_REPLICA_URL; it connects on first use."""
    url, replica = app.config["DATABASE_REPLICA_URL"], None
    if url:
        options = engine_options(app)
        options["connect_args"] |= {"connect_timeout": int(QUERY_TIMEOUT_SECONDS)}
        replica = Replica(create_engine(url, **options))
        event.listen(replica.engine, "do_connect", _connect)
    app.extensions["petition.replica"] = replica
    app.extensions.setdefault("petition.readiness_checks", []).append(check_replica)
