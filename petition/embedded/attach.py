"""How other commands reach the stack of a data folder: the one that runs, or one for the time being."""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
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
    running = Record(data).running() if held(data) else None
    return running["environ"] if running else None


@contextmanager
def engines(data: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield an environment to run the application in: the running stack's, else that of engines started for it.

    Raises `EngineError` when another command keeps the data folder for a minute, or an engine does not start.
    """
    data = data.resolve()
    if given(environ, "DATABASE_URL") and given(environ, "REDIS_URL"):
        yield dict(environ)
        return
    with ExitStack() as kept:
        settings = _attach_or_lock(data, kept)
        if settings is not None:
            yield {name: value for name, value in environ.items() if not is_setting(name)} | settings
            return
        record = Record(data)
        sweep(record)
        started = Engines(data, environ, record, with_mailbox=False)
        kept.callback(record.clear)
        kept.callback(started.stop)
        yield complete(data, environ, started.start(), record.read().get("port", USUAL_PORT))


def _attach_or_lock(data: Path, kept: ExitStack) -> dict[str, str] | None:
    limit = time.monotonic() + PATIENCE
    while (settings := attached(data)) is None:
        try:
            kept.enter_context(locked(data, seconds=0.1))
        except EngineError:
            # Another command, or a stack that is starting: soon it has finished, or can be attached to.
            if time.monotonic() > limit:
                raise
        else:
            return None
    return settings


@contextmanager
def running(data: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the base URL of the stack that runs on a data folder, else of one started for as long as this lasts.

    Raises `EngineError` when it is not ready within a minute.
    """
    data = data.resolve()
    record = Record(data)
    if attached(data) is not None:
        _await_ready(data, record, None)
        yield record.read()["url"]
        return
    make_data(data)
    with (data / "up.log").open("wb", buffering=0) as log:
        words = [
            *PYTHON,
            "petition.cli",
            "up",
            "--data",
            str(data),
            "--port",
            str(choose(record.read().get("port", USUAL_PORT))),
        ]
        stack = spawn(words, log, environ)
    try:
        _await_ready(data, record, stack)
        yield record.read()["url"]
    finally:
        end(stack.pid, lambda: stack.poll() is not None, STOP)


def _await_ready(data: Path, record: Record, stack: subprocess.Popen[bytes] | None) -> None:
    def settled() -> bool:
        ended = stack is not None and stack.poll() is not None
        return ended or ready()

    def ready() -> bool:
        return bool((record.running() or {}).get("ready"))

    if not wait_until(settled, PATIENCE) or not ready():
        raise EngineError(f"the stack did not start: {last_line(data / 'up.log')}")
