"""Real PostgreSQL and Valkey, one of each for the whole run; a database of its own for each parallel worker."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from flask import Flask, g, has_app_context
from flask.testing import FlaskClient
from sqlalchemy import text
from support.browser import chromium
from support.ports import free_port

from config import Config
from petition.app import create_app
from petition.core import migrations
from petition.core.db import db
from petition.delivery import wakeup, yielding
from petition.delivery.smtp.connection import close_on_exit
from petition.local_stack.postgres import Postgres
from petition.local_stack.valkey import Valkey
from petition.safeguards import rate_limits

__all__ = ["chromium"]

TEMPLATE = "petition_template"
SECRET_KEY = "a key for tests, long enough to be taken"


def environment(database_url: str, redis_url: str, **overrides: str) -> dict[str, str]:
    """Return the settings that the tests' applications are made with."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://localhost",
        "MAIL_DEFAULT_SENDER": "petition@example.org",
        "MAIL_SERVER": "127.0.0.1",
        # Nothing listens there: an email that a test does not expect fails instead of leaving.
        "MAIL_PORT": "1",
        "PETITION_EMBEDDED": "1",
        "PETITION_LOG_LEVEL": "WARNING",
        "PROXY_COUNT": "1",
        # What a test changes shows at once.
        "PETITION_CACHE_TTL": "0",
        **overrides,
    }


def pytest_configure(config: pytest.Config) -> None:
    """Start the engines in the process that all others belong to."""
    if hasattr(config, "workerinput"):
        config.engines = config.workerinput["engines"]
        return
    folder = Path(tempfile.mkdtemp(prefix="petition-tests-"))
    folder.chmod(0o755)
    config.engines_folder = folder
    config.postgres, config.valkey = Postgres(folder), Valkey(folder, free_port())
    config.engines = {"database": config.postgres.start(), "redis": config.valkey.start()}
    app = create_app(Config(environment(config.engines["database"], config.engines["redis"])))
    with app.app_context():
        migrations.upgrade()
        db.engine.dispose()
    with psycopg.connect(_plain(config.engines["database"], "postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE petition RENAME TO {TEMPLATE}")
        # It is thrown away after the run: a disk that stalls must not fail a test of something else.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def pytest_configure_node(node) -> None:
    """Tell a parallel worker where the engines are."""
    node.workerinput["engines"] = node.config.engines


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the engines that this process started."""
    for engine in ("valkey", "postgres"):
        if hasattr(config, engine):
            getattr(config, engine).stop()
    if hasattr(config, "engines_folder"):
        shutil.rmtree(config.engines_folder, ignore_errors=True)


def _plain(url: str, name: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://").replace("/petition?", f"/{name}?")


@pytest.fixture(scope="session")
def new_database(pytestconfig: pytest.Config):
    """Return a function that makes an empty, migrated database and returns its URL."""

    def make(name: str) -> str:
        with psycopg.connect(_plain(pytestconfig.engines["database"], "postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return pytestconfig.engines["database"].replace("/petition?", f"/{name}?")

    return make


@pytest.fixture(scope="session")
def worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) + 1


@pytest.fixture(scope="session")
def database_url(new_database, worker_number: int) -> str:
    return new_database(f"tests_{worker_number}")


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config, worker_number: int) -> str:
    return pytestconfig.engines["redis"].rsplit("/", 1)[0] + f"/{worker_number}"


class FreshClient(FlaskClient):
    """A client whose every request starts without what the one before left in `g` and in the session.

    Tests run inside an application context, which their requests share, and with it who was signed in.
    """

    def open(self, *args, **kwargs):
        if has_app_context():
            db.session.expire_all()
            for name in list(g):
                g.pop(name)
        try:
            return super().open(*args, **kwargs)
        finally:
            if has_app_context():
                db.session.rollback()  # what a request leaves open ends with it, as its context does outside of tests


@pytest.fixture(scope="session")
def session_app(database_url: str, redis_url: str) -> Flask:
    app = create_app(Config(environment(database_url, redis_url)))
    app.test_client_class = FreshClient
    return app


@pytest.fixture
def app(session_app: Flask, redis_url: str) -> Iterator[Flask]:
    """Return the application, its database and Redis empty, inside its context."""
    with session_app.app_context(), close_on_exit():
        tables = ", ".join(table.name for table in db.metadata.sorted_tables)
        db.session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        db.session.commit()
        redis.Redis.from_url(redis_url).flushdb()
        wakeup.breaker.close()
        rate_limits.breaker.close()
        yielding.breaker.close()
        yield session_app
        db.session.rollback()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sent_emails(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Collect the emails that are sent, in place of a mail server."""
    mail = app.extensions["mail"]
    monkeypatch.setattr(mail, "suppress", True)
    with mail.record_messages() as messages:
        yield messages
