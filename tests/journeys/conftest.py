"""One whole stack, as a newcomer starts it, for all the journeys that leave it as it was."""

from collections.abc import Iterator

import pytest
from ports import free_port
from running import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    stack = Stack(folder / "data", free_port()).started()
    yield stack
    if stack.process.poll() is None:
        stack.stop()
