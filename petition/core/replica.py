"""A replica of the database for what may be read a little late, and never for anything in the way of a signature."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from flask import Flask, current_app
from sqlalchemy import Engine, Row, Select, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, scoped_session

from petition.core.breaker import Breaker
from petition.core.db import db, engine_options

LATEST = 10  # seconds
REST = 5.0  # seconds that a replica which is away or late is left alone
# Heartbeats are written every second: a replica whose last transaction is older than `LATEST` follows no more.
KEEPS_UP = text("SELECT pg_is_in_recovery() AND now() - pg_last_xact_replay_timestamp() < make_interval(secs => :late)")

log = structlog.get_logger(__name__)


class Replica:
    """The engine of the replica, left alone for a while after it failed."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.breaker = engine, Breaker(REST)

    def session(self) -> Session | None:
        """Return a session on the replica if it answers and keeps up."""
        if self.breaker.is_open():
            return None
        session, trouble = Session(self.engine), "late, or no replica"
        try:
            if session.scalar(KEEPS_UP, {"late": LATEST}):
                return session
        except SQLAlchemyError as error:
            trouble = type(error).__name__
        session.close()
        self.rest(trouble)
        return None

    def rest(self, trouble: str) -> None:
        """Do without it for a while."""
        self.breaker.trip()
        log.warning("the replica is left alone: the database is read in its place", trouble=trouble)


@contextmanager
def reading() -> Iterator[Session | scoped_session[Any]]:
    """Yield a session that may be `LATEST` seconds late: the replica's while it keeps up, else the request's own."""
    replica: Replica | None = current_app.extensions["petition.replica"]
    session = replica.session() if replica else None
    if session is None:
        yield db.session
        return
    with session:
        yield session


def rows(query: Select[Any]) -> Sequence[Row[Any]]:
    """Return a query's rows, at most `LATEST` seconds late; the database answers where the replica fails."""
    with reading() as session:
        try:
            return session.execute(query).all()
        except SQLAlchemyError as error:
            if session is db.session:
                raise
            current_app.extensions["petition.replica"].rest(type(error).__name__)
    return db.session.execute(query).all()


def parts() -> dict[str, str]:
    """Return the state of the replica, if there is one, for /readyz."""
    replica: Replica | None = current_app.extensions["petition.replica"]
    if replica is None:
        return {}
    session = replica.session()
    if session is None:
        return {"replica": "away or late: the database is read in its place"}
    session.close()
    return {"replica": "ok"}


def init_app(app: Flask) -> None:
    """Prepare the replica of the settings; it is connected to on first use."""
    url = app.config["DATABASE_REPLICA_URL"]
    app.extensions["petition.replica"] = Replica(create_engine(url, **engine_options(app))) if url else None
    app.extensions.setdefault("petition.parts", []).append(parts)
