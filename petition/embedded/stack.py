"""What is known of the stack of a data folder: whether it runs, its addresses, its processes."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from petition.embedded.children import EngineError, birthmark, wait_until
from petition.embedded.engine import make_data


@contextmanager
def locked(data: Path, seconds: float) -> Iterator[None]:
    """Hold the data folder for this process alone.

    Raises `EngineError` when another holds it for so many seconds.
    """
    make_data(data)
    with open(data / "lock", "w", opener=_private) as file:
        if not wait_until(lambda: _take(file.fileno()), seconds):
            raise EngineError(f"another `petition` command is running on {data}: stop it, or choose another --data")
        yield


def held(data: Path) -> bool:
    """Say whether a process holds the data folder."""
    try:
        with (data / "lock").open() as file:
            return not _take(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def _take(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Record:
    """DATA/stack.json, readable by its owner alone: ports, processes, and the settings of what runs."""

    def __init__(self, data: Path) -> None:
        self._path = data / "stack.json"
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any]:
        """Return what is recorded; nothing when there is no record, or it was cut short."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def update(self, **values: Any) -> None:
        """Record values by name, the others kept; a value of None is dropped."""
        with self._lock:
            known = {name: value for name, value in {**self.read(), **values}.items() if value is not None}
            self._write(known)

    def note(self, name: str, pid: int) -> None:
        """Record a process, so that a later start can end it if this one is killed."""
        with self._lock:
            known = self.read()
            process = {"name": name, "pid": pid, "birthmark": birthmark(pid)}
            self._write({**known, "processes": [*known.get("processes", []), process]})

    def publish(self, environ: dict[str, str], url: str, port: int) -> None:
        """Record the settings that this process runs a stack with."""
        owner = {"pid": os.getpid(), "birthmark": birthmark(os.getpid())}
        self.update(environ=environ, url=url, port=port, owner=owner)

    def running(self) -> dict[str, Any] | None:
        """Return what is recorded while the process that recorded its settings runs, else None."""
        known = self.read()
        owner = known.get("owner")
        if not owner or "environ" not in known or birthmark(owner["pid"]) != owner["birthmark"]:
            return None
        return known

    def clear(self) -> None:
        """Forget the processes and the settings, which hold secrets; the ports stay for the next start."""
        self.update(processes=None, environ=None, ready=None, owner=None)

    def _write(self, values: dict[str, Any]) -> None:
        unfinished = self._path.with_suffix(".new")
        with open(unfinished, "w", encoding="utf-8", opener=_private) as file:
            json.dump(values, file, indent=1)
        unfinished.replace(self._path)
