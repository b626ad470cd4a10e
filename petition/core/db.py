"""The database session, and what runs once a transaction is durable."""

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    DateTime,
    Identity,
    MetaData,
    TextClause,
    any_,
    bindparam,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, mapped_column, registry, scoped_session

CONNECT_TIMEOUT_SECONDS = 5  # seconds
PING_AFTER_IDLE_SECONDS = 1.0  # seconds after which a kept connection is tried before it is used
STATEMENT_TIMEOUT_MILLISECONDS = 15_000  # milliseconds; longer work runs in bounded batches
# Milliseconds until the locks of a host that went away in the middle of a transaction are others' to take.
IDLE_IN_TRANSACTION_TIMEOUT_MILLISECONDS = 20_000
# What a connection waits for a server that went away without a word: by probes when idle, for what was sent else.
TCP_KEEPALIVE_OPTIONS = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

log = structlog.get_logger(__name__)


class Base(DeclarativeBase):
    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(column_0_N_label)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={datetime: DateTime(timezone=True), int: BigInteger},
    )


# What was read stays readable after a commit: no second query, and no surprise when another request erased the row.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    # Flask-SQLAlchemy makes its Model at run time, where a type checker cannot see it.
    Model = Base
else:
    Model = db.Model


def identity_column() -> Any:
    """Declare a 64-bit primary key that the database numbers."""
    return mapped_column(BigInteger, Identity(), primary_key=True)


def any_of(ids: Iterable[int]) -> Any:
    """Return what a column is compared with (`==`) to be one of many numbers: one parameter, however many."""
    return any_(bindparam(None, list(ids), ARRAY(BigInteger)))


def engine_options(app: Flask) -> dict[str, Any]:
    """Bound every wait on the database: connecting, getting a pooled connection, a statement."""
    return {
        "pool_size": app.config["PETITION_POOL_SIZE"],
        "max_overflow": 5,
        "pool_timeout": 5,
        "pool_recycle": 1800,
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "petition",
            "options": (
                f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS} -c lock_timeout=5000"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MILLISECONDS}"
            ),
            **TCP_KEEPALIVE_OPTIONS,
        },
        # SQLAlchemy's exception texts carry parameters, which are addresses and names: keep them out of the logs.
        "hide_parameters": True,
    }


def _record_last_use(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _ping_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Try a connection that has rested; one in steady use is known to be good, and a failure empties the pool."""
    if time.monotonic() - record.info.get("used", float("inf")) > PING_AFTER_IDLE_SECONDS:
        try:
            db.engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError from error


@cache
def _compile_sql(statement: TextClause) -> str:
    return str(statement.compile(dialect=db.engine.dialect))


def execute_autocommit(statement: TextClause, values: Mapping[str, Any]) -> Any:
    """Run a statement that is a transaction of its own, and return its first row as a tuple, or None.

    One round trip where a session takes three, and none of its bookkeeping: for what every signer does. The session's
    transaction neither sees it nor undoes it. Raises `psycopg.Error`; what is raised was not done, unless the
    connection was lost while the database answered.
    """
    kept = db.engine.raw_connection()
    connection: Any = kept.dbapi_connection
    try:
        connection.autocommit = True
        return connection.cursor().execute(_compile_sql(statement), values).fetchone()
    finally:
        if connection.closed:
            db.engine.dispose()  # what broke this one broke the others
        else:
            connection.autocommit = False
        kept.close()


@contextmanager
def autocommit_connection() -> Iterator[Connection]:
    """Yield a connection on which each statement is a transaction of its own, apart from the session's."""
    with db.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def read_in_autocommit() -> None:
    """Spare what the session reads until its next commit the round trips that begin and end a transaction.

    A session that is in the midst of one goes on with it.
    """
    if not db.session().in_transaction():
        db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


def read_detached(query: Any) -> list[Any]:
    """Return the things that a query finds, as nobody's: threads may share them, and none may change them."""
    with Session(db.engine.execution_options(isolation_level="AUTOCOMMIT")) as apart:
        return list(apart.scalars(query))


def set_statement_timeout(session: "Session | scoped_session[Any]", seconds: float) -> None:
    """Let each statement of the current transaction run for this long, instead of the connection's default."""
    setting = text("SELECT set_config('statement_timeout', :milliseconds, true)")
    session.execute(setting, {"milliseconds": str(round(seconds * 1000))})


def run_after_commit(key: Hashable, action: Callable[[], None]) -> None:
    """Run an action once the current transaction is durable, once per key however often asked; never on rollback."""
    db.session.info.setdefault("after_commit", {})[key] = action


def _run_actions(session: Session) -> None:
    for action in session.info.pop("after_commit", {}).values():
        action()


def _discard_actions(session: Session, transaction: SessionTransaction) -> None:
    # A savepoint's rollback fires too and must not lose what its outer transaction asked for.
    if transaction.parent is None:
        session.info.pop("after_commit", None)


def _close_session(_error: BaseException | None) -> None:
    """Close the request's or task's session; a connection that is lost by then is no reason to fail what is done."""
    try:
        db.session.remove()
    except DBAPIError as error:
        db.session.registry.clear()
        log.warning("the database went away as a session ended", error=type(error.orig).__name__)


def describe_connection_error(error: OperationalError) -> str:
    """Return one line on a database that cannot be reached, naming the setting and no secret."""
    words = str(error.orig).strip().splitlines()
    return f"DATABASE_URL: the database cannot be reached: {words[0] if words else type(error.orig).__name__}"


def init_app(app: Flask) -> None:
    """Bind the session to the database of the settings."""
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["DATABASE_URL"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app)
    db.init_app(app)
    app.teardown_appcontext_funcs.remove(db._teardown_session)
    app.teardown_appcontext(_close_session)
    # The session is one for all applications of a process.
    if not event.contains(db.session, "after_commit", _run_actions):
        event.listen(db.session, "after_commit", _run_actions)
        event.listen(db.session, "after_soft_rollback", _discard_actions)
    with app.app_context():
        event.listen(db.engine, "checkin", _record_last_use)
        event.listen(db.engine, "checkout", _ping_if_idle)
