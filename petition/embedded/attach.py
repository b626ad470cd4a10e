"""How other commands reach the stack of a data folder: the one that runs, or one for the time being."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from petition.embedded.children import EngineError, Steps, end, last_line, spawn, wait_until
from petition.embedded.engine import make_data
from petition.embedded.engines import Engines
from petition.embedded.leftovers import sweep
from petition.embedded.ports import choose
from petition.embedded.programs import PYTHON
from petition.embedded.settings import complete, given, is_setting
from petition.embedded.stack import Record, held, locked

USUAL_PORT = 8000
PATIENCE = 60.0  # seconds for another command to finish, or for a stack to be ready
STOP: Steps = ((signal.SIGTERM, 12.0), (signal.SIGKILL, 2.0))


def attached(data: Path) -> dict[str, str] | None:
    """Return the settings of the stack that runs on a data folder; None when none runs, or it is not that far yet."""
    if not held(data):
        return None
    settings: dict[str, str] | None = Record(data).read().get("environ")
    return settings


@contextmanager
def engines(data: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield an environment to run the application in: the running stack's, else that of engines started for it.

    Raises `EngineError` when another command keeps the data folder for a minute, or an engine does not start.
    """
    data = data.resolve()
    if given(environ, "DATABASE_URL") and given(environ, "REDIS_URL"):
        yield dict(environ)
        return
    limit = time.monotonic() + PATIENCE
    while (settings := attached(data)) is None:
        try:
            with locked(data, seconds=0.1):
                yield from _for_now(data, environ)
                return
        except Busy:
            if time.monotonic() > limit:
                raise
    yield {name: value for name, value in environ.items() if not is_setting(name)} | settings
