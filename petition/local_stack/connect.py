"""Connect other commands to the stack of a data folder: the one that runs, or one started for the command."""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from petition.local_stack.app_processes import PYTHON_COMMAND
from petition.local_stack.environment import build_environment, is_given, is_setting
from petition.local_stack.orphans import terminate_orphans
from petition.local_stack.ports import choose_port
from petition.local_stack.processes import LocalStackError, StopSignals, read_last_line, spawn, terminate, wait_until
from petition.local_stack.service import make_data_folder
from petition.local_stack.services import Services
from petition.local_stack.state_file import StateFile, is_locked, lock_data_folder

DEFAULT_PORT = 8000
START_TIMEOUT_SECONDS = 60.0  # for another command to finish, or for a stack to be ready
STOP_SIGNALS: StopSignals = ((signal.SIGTERM, 12.0), (signal.SIGKILL, 2.0))


def get_running_settings(data: Path) -> dict[str, str] | None:
    """Return the settings of the stack that runs on a data folder; None if none runs, or it is still starting."""
    running = StateFile(data).read_running() if is_locked(data) else None
    return running["environ"] if running else None


@contextmanager
def provide_services(data: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield an environment to run the application in: the running stack's, else one of services started for it.

    Raises `LocalStackError` when another command uses the data folder for a minute, or a service does not start.
    """
    data = data.resolve()
    if is_given(environ, "DATABASE_URL") and is_given(environ, "REDIS_URL"):
        yield dict(environ)
        return
    with ExitStack() as stack:
        settings = _connect_or_lock(data, stack)
        if settings is not None:
            yield {name: value for name, value in environ.items() if not is_setting(name)} | settings
            return
        record = StateFile(data)
        terminate_orphans(record)
        started = Services(data, environ, record, with_mailbox=False)
        stack.callback(record.clear)
        stack.callback(started.stop)
        yield build_environment(data, environ, started.start(), record.read().get("port", DEFAULT_PORT))


def _connect_or_lock(data: Path, stack: ExitStack) -> dict[str, str] | None:
    limit = time.monotonic() + START_TIMEOUT_SECONDS
    while (settings := get_running_settings(data)) is None:
        try:
            stack.enter_context(lock_data_folder(data, seconds=0.1))
        except LocalStackError:
            # Another command, or a stack that is starting: soon it has finished, or can be connected to.
            if time.monotonic() > limit:
                raise
        else:
            return None
    return settings


@contextmanager
def provide_stack(data: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the base URL of the stack that runs on a data folder, else of one started for the caller and stopped after.

    Raises `LocalStackError` when it is not ready within a minute.
    """
    data = data.resolve()
    record = StateFile(data)
    if get_running_settings(data) is not None:
        _wait_until_ready(data, record, None)
        yield record.read()["url"]
        return
    make_data_folder(data)
    with (data / "up.log").open("wb", buffering=0) as log:
        command = [
            *PYTHON_COMMAND,
            "petition.cli",
            "up",
            "--data",
            str(data),
            "--port",
            str(choose_port(record.read().get("port", DEFAULT_PORT))),
        ]
        stack = spawn(command, log, environ)
    try:
        _wait_until_ready(data, record, stack)
        yield record.read()["url"]
    finally:
        terminate(stack.pid, lambda: stack.poll() is not None, STOP_SIGNALS)


def _wait_until_ready(data: Path, record: StateFile, stack: subprocess.Popen[bytes] | None) -> None:
    def has_settled() -> bool:
        ended = stack is not None and stack.poll() is not None
        return ended or is_ready()

    def is_ready() -> bool:
        return bool((record.read_running() or {}).get("ready"))

    if not wait_until(has_settled, START_TIMEOUT_SECONDS) or not is_ready():
        raise LocalStackError(f"the stack did not start: {read_last_line(data / 'up.log')}")
