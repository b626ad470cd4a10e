"""One whole stack, as a newcomer starts it, for all the journeys that leave it as it was; or its parts one by one."""

from collections.abc import Iterator

import pytest
from mailserver import MailServer
from parts import Parts
from ports import free_port
from running import Stack

from petition.embedded.valkey import Valkey


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    stack = Stack(folder / "data", free_port()).started()
    yield stack
    if stack.process.poll() is None:
        stack.stop()


@pytest.fixture
def mail_server():
    server = MailServer().start(free_port())
    yield server
    server.stop()


@pytest.fixture
def broker(tmp_path):
    valkey = Valkey(tmp_path, free_port())
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def parts(app, tmp_path, database_url, broker, mail_server):
    parts = Parts(tmp_path, database_url, broker.url, mail_server.controller.port)
    yield parts
    parts.stop()
