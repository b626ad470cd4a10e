"""Real PostgreSQL and Valkey, one of each for the whole run; a database for each parallel worker.

At its end the run says what it did not test, and with which order of tests it ran.
"""

import gc
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import redis
from flask import Flask, g, has_app_context
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import text
from support.browser import chromium
from support.ports import free_port
from support.settings import environment
from support.signing import process_requests
from support.wakeups import ImmediateWakeups

from config import Config
from petition.app import create_app
from petition.core import migrations
from petition.core.circuit_breaker import CircuitBreaker
from petition.core.db import db
from petition.delivery.pacing import paces, providers
from petition.delivery.recovery import forget_outages
from petition.delivery.smtp.connection import close_on_exit
from petition.local_stack.postgres import Postgres
from petition.local_stack.valkey import Valkey
from petition.safeguards import rate_limiter

__all__ = ["chromium", "environment"]

# Fixtures serve all examples of a test. How long an example takes is the machine's business: a busy one fails nothing.
settings.register_profile(
    "petition", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
settings.load_profile("petition")

TEMPLATE = "petition_template"
LAST_LINES = 20  # of each output that a failure shows
# Empties only the tables that a test wrote to. Deleting a few rows costs a tenth of truncating, which makes new files
# for a table and each of its indexes; a table that has grown beyond `:kept_bytes` is truncated.
EMPTY_TABLES_SQL = """
DO $$
DECLARE
    found record;
    grown text[] := '{}';
BEGIN
    SET LOCAL session_replication_role = replica;  -- no trigger logs what is deleted
    FOR found IN SELECT format('%I', relname) AS name, pg_relation_size(oid) AS bytes FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
                     AND pg_relation_size(oid) > 0 LOOP
        IF found.bytes > :kept_bytes THEN
            grown := grown || found.name;
        ELSE
            EXECUTE 'DELETE FROM ' || found.name;
        END IF;
    END LOOP;
    IF grown <> '{}' THEN
        EXECUTE 'TRUNCATE ' || array_to_string(grown, ', ') || ' CASCADE';
    END IF;
    PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL;
END
$$
"""
KEPT_BYTES = 256 * 1024


def pytest_configure(config: pytest.Config) -> None:
    """Start the engines, in the main process only."""
    if hasattr(config, "workerinput"):
        config.engines = config.workerinput["engines"]
        return
    folder = Path(tempfile.mkdtemp(prefix="petition-tests-"))
    folder.chmod(0o755)
    config.engines_folder = folder
    config.postgres, config.valkey = Postgres(folder), Valkey(folder, free_port())
    (folder / "templates").mkdir()
    config.engines = {
        "database": config.postgres.start(), "redis": config.valkey.start(), "templates": str(folder / "templates"),
    }  # fmt: skip
    app = create_app(Config(environment(config.engines["database"], config.engines["redis"])))
    with app.app_context():
        migrations.upgrade()
        db.engine.dispose()
    with psycopg.connect(_plain(config.engines["database"], "postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE petition RENAME TO {TEMPLATE}")
        # The data is deleted after the run, and a disk that stalls must not fail an unrelated test.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    with redis.Redis.from_url(config.engines["redis"]) as valkey:
        valkey.config_set("appendonly", "no")  # likewise


def pytest_configure_node(node) -> None:
    """Tell a parallel worker where the engines are."""
    node.workerinput["engines"] = node.config.engines


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through thousands of collected tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the engines that this process started."""
    for engine in ("valkey", "postgres"):
        if hasattr(config, engine):
            getattr(config, engine).stop()
    if hasattr(config, "engines_folder"):
        shutil.rmtree(config.engines_folder, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was not tested and how to test it, and how to repeat this order of tests."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])
    )
    for reason, tests in sorted(reasons.items()):
        terminalreporter.write_line(f"Skipped {tests} test{'s' * (tests > 1)}: {reason}")
    if config.getoption("markexpr") == "not slow":
        terminalreporter.write_line(
            "Left out: tests of scale, faults and failover: make test-all; of style and words: make check"
        )
    if seed := config.getoption("randomly_seed", None):
        terminalreporter.write_line(f"Order of tests: to repeat it, make test ARGS=--randomly-seed={seed}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Add to a failure the ends of what the processes of the test wrote: it says what they were doing."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and folder:
        for output in sorted((*folder.rglob("*.log"), *folder.rglob("*.out"))):
            lines = output.read_text(errors="replace").splitlines()
            report.sections.append((f"end of {output.relative_to(folder)}", "\n".join(lines[-LAST_LINES:])))
    return report


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

    What a request asked to sign is processed at once, as by a worker; not with `processes_requests` set to False.
    """

    processes_requests = True

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
            if self.processes_requests and kwargs.get("method") == "POST":
                with self.application.app_context():
                    process_requests()


class NoMxLookup:
    """Stands for name servers of which none answers: tests use no network."""

    def find_mail_servers(self, domains):
        return {}


@pytest.fixture(scope="session")
def session_app(pytestconfig: pytest.Config, database_url: str, redis_url: str) -> Flask:
    app = create_app(Config(environment(database_url, redis_url)))
    # Compiled once for all workers.
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(pytestconfig.engines["templates"])
    app.extensions["petition.mx_lookup"] = NoMxLookup()
    app.extensions["petition.wakeup_thread"] = ImmediateWakeups()
    app.test_client_class = FreshClient
    # A tenth of a second for each password is for production.
    app.extensions["security"].pwd_context.update(argon2__time_cost=1, argon2__memory_cost=64)
    return app


@pytest.fixture(scope="session")
def examples(pytestconfig: pytest.Config):
    """Return a function: how many of so many generated examples are tried. All in `make test-all`, else a third."""
    share = 3 if pytestconfig.getoption("markexpr") == "not slow" else 1
    return lambda number: number // share


@pytest.fixture(scope="session")
def circuit_breakers(session_app: Flask) -> list[CircuitBreaker]:
    """Return the circuit breakers of all modules: they outlive a test that opens them."""
    modules = [module for name, module in sys.modules.items() if name.startswith("petition.")]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, CircuitBreaker)]
    assert found, "no circuit breaker is found: a test that opens one would disturb the next"
    return found


@pytest.fixture
def app(
    session_app: Flask, redis_url: str, circuit_breakers: list[CircuitBreaker], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """Return the application, its database and Redis empty, inside its context.

    Rate limits count at one moment, after the start of every window: a busy machine would cross into the next one.
    """
    moment = time.time() // 86_400 * 86_400 + 1
    monkeypatch.setattr(rate_limiter, "time", SimpleNamespace(time=lambda: moment))
    with session_app.app_context(), close_on_exit():
        empty_tables(KEPT_BYTES)
        redis.Redis.from_url(redis_url).flushdb()
        for breaker in circuit_breakers:
            breaker.close()
        forget_outages()
        providers.forget()
        paces.watched.expire()
        yield session_app
        db.session.rollback()


def empty_tables(kept_bytes: int) -> None:
    db.session.execute(text(EMPTY_TABLES_SQL.replace(":kept_bytes", str(kept_bytes))))
    db.session.commit()


@pytest.fixture
def new_tables(app: Flask) -> None:
    """Give tables and indexes new files: what other tests left in them changes what a plan is thought to cost."""
    empty_tables(0)


@pytest.fixture
def within_one_hour() -> None:
    """Wait for the next hour if less than half a minute is left of this one.

    For tests that compare hours or days of two clocks, or of two moments.
    """
    left = 3600 - time.time() % 3600
    if left < 30:
        time.sleep(left + 1)


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
