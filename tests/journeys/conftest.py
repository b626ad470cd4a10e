"""One whole stack, shared by the journeys that leave it usable; or its processes one by one."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event
from support.app_processes import AppProcesses
from support.local_stack import LocalStack
from support.ports import free_port
from support.smtp_server import SmtpServer

from petition.core.db import db
from petition.local_stack.valkey import Valkey


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    stack = LocalStack(folder / "data", free_port()).wait_until_started()
    yield stack
    if stack.process.poll() is None:
        stack.stop()


@pytest.fixture
def mail_server():
    server = SmtpServer().start(free_port())
    yield server
    server.stop()


@pytest.fixture
def broker(tmp_path):
    valkey = Valkey(tmp_path, free_port())
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def no_idle_timeout(app):
    """Let a test keep a transaction open for longer than the application may."""
    event.listen(db.engine, "checkout", _never_ended)
    yield
    event.remove(db.engine, "checkout", _never_ended)
    db.session.rollback()
    db.engine.dispose()


def _never_ended(connection, *_):
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    connection.commit()


@pytest.fixture
def app_processes(no_idle_timeout, tmp_path, database_url, broker, mail_server):
    parts = AppProcesses(tmp_path, database_url, broker.url, mail_server.controller.port)
    yield parts
    parts.stop()
