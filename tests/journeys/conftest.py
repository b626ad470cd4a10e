"""One whole stack, shared by the journeys that leave it usable; or its processes one by one."""

import signal
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from support.app_processes import AppProcesses
from support.browser import create_first_account, new_page
from support.local_stack import STOP_LIMIT_SECONDS, LocalStack
from support.ports import free_port
from support.smtp_server import SmtpServer

from petition.core.db import db
from petition.local_stack.valkey import Valkey


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Return a started stack, which warns of nothing as it starts, and stops at once and whole on Ctrl-C."""
    folder = tmp_path_factory.mktemp("stack")
    stack = LocalStack(folder / "data", free_port()).wait_until_started()
    lines = stack.output.read_text().splitlines()
    try:
        assert [line for line in lines if "Warning" in line or "INFO" in line] == []
        yield stack
    finally:
        ended = stack.process.poll()
        took, left = (0, []) if ended is not None else stack.stop(signal.SIGINT)
    assert ended is None, f"it ended by itself:\n{stack.output.read_text()[-3000:]}"
    assert stack.process.returncode == 0
    assert took < STOP_LIMIT_SECONDS
    assert left == []


@pytest.fixture
def pages(chromium):
    """Make pages, with the options of a browser context."""
    opened = []

    def make(**options):
        opened.append(new_page(chromium, **options))
        return opened[-1]

    yield make
    for page in opened:
        page.context.close()


@pytest.fixture
def page(pages):
    return pages()


@pytest.fixture
def desk(stack, pages):
    """A page on which a member of the team is signed in, the first of an empty stack."""
    page = pages()
    create_first_account(stack, page, "four words are enough")
    return page


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
