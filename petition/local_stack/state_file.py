"""The recorded state of a data folder's stack: whether it runs, its addresses, its processes; and its lock."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from petition.local_stack.processes import LocalStackError, process_identity, wait_until
from petition.local_stack.service import make_data_folder


@contextmanager
def lock_data_folder(data: Path, seconds: float) -> Iterator[None]:
    """Lock the data folder for this process.

    Raises `LocalStackError` when another process has it locked for `seconds`.
    """
    make_data_folder(data)
    with open(data / "lock", "w", opener=_open_private) as file:
        if not wait_until(lambda: _try_lock(file.fileno()), seconds):
            raise LocalStackError(f"another `petition` command is running on {data}: stop it, or choose another --data")
        yield


def is_locked(data: Path) -> bool:
    """Return whether a process has locked the data folder."""
    try:
        with (data / "lock").open() as file:
            return not _try_lock(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class StateFile:
    """DATA/stack.json, readable by its owner only: ports, processes, and the settings of the running stack."""

    def __init__(self, data: Path) -> None:
        self._path = data / "stack.json"
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any]:
        """Return the record; empty if there is none, or it is incomplete."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def update(self, **values: Any) -> None:
        """Set values by name; a value of None is removed."""
        with self._lock:
            known = {name: value for name, value in {**self.read(), **values}.items() if value is not None}
            self._write(known)

    def add_process(self, name: str, pid: int) -> None:
        """Record a process, so that a later start can end it if this one is killed."""
        with self._lock:
            known = self.read()
            process = {"name": name, "pid": pid, "birthmark": process_identity(pid)}
            self._write({**known, "processes": [*known.get("processes", []), process]})

    def record_stack(self, environ: dict[str, str], url: str, port: int) -> None:
        """Record the settings of the stack that this process runs."""
        owner = {"pid": os.getpid(), "birthmark": process_identity(os.getpid())}
        self.update(environ=environ, url=url, port=port, owner=owner)

    def read_running(self) -> dict[str, Any] | None:
        """Return the record if the process that runs the stack is running, else None."""
        known = self.read()
        owner = known.get("owner")
        if not owner or "environ" not in known or process_identity(owner["pid"]) != owner["birthmark"]:
            return None
        return known

    def clear(self) -> None:
        """Remove the processes and the settings, which contain secrets; the ports stay for the next start."""
        self.update(processes=None, environ=None, ready=None, owner=None)

    def _write(self, values: dict[str, Any]) -> None:
        unfinished = self._path.with_suffix(".new")
        with open(unfinished, "w", encoding="utf-8", opener=_open_private) as file:
            json.dump(values, file, indent=1)
        unfinished.replace(self._path)
