"""Base class of the local services: start, wait until ready, stop."""

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

from petition.local_stack.processes import (
    DEFAULT_STOP_SIGNALS,
    LocalStackError,
    StopSignals,
    read_last_line,
    terminate,
    wait_until,
)

# Called with the name and the PID of each process as soon as it exists.
StartCallback = Callable[[str, int], None]


def make_data_folder(data: Path) -> None:
    """Create the data folder if missing; root's may be passed through by others, as PostgreSQL does not run as root."""
    data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)


def ignore_start(_name: str, _pid: int) -> None:
    """Do not record a process."""


class Service(ABC):
    """One server process, its folder and its log under the data folder."""

    name: ClassVar[str]
    stop_signals: ClassVar[StopSignals] = DEFAULT_STOP_SIGNALS
    start_timeout_seconds: ClassVar[float] = 60.0  # after a crash it replays its log first

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.folder = self.data / self.name
        self.log = self.data / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of the running service."""

    @abstractmethod
    def launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Create the folder if there is none, and start the process."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether a client gets an answer."""

    def start(self, on_start: StartCallback = ignore_start) -> str:
        """Start the service, wait until it answers and return its URL.

        Raises `LocalStackError` when it ends instead, or does not answer in time.
        """
        make_data_folder(self.data)
        self._stopped = False
        with self.log.open("ab", buffering=0) as log:
            self.log.chmod(0o600)
            self.process = self.launch(log)
        on_start(self.name, self.process.pid)
        wait_until(lambda: self._stopped or not self.is_running() or self.is_ready(), self.start_timeout_seconds)
        if self._stopped or not self.is_running() or not self.is_ready():
            self.stop()
            raise LocalStackError(f"{self.name} did not start: {read_last_line(self.log)} (see {self.log})")
        return self.url

    def is_running(self) -> bool:
        """Return whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout_factor: float = 1.0) -> None:
        """Stop the service; one that hangs is killed after a few seconds, scaled by `timeout_factor`."""
        # Another thread may be about to start it.
        self._stopped = True
        process = self.process
        if process is not None:
            stop_signals = [(sign, seconds * timeout_factor) for sign, seconds in self.stop_signals]
            terminate(process.pid, lambda: process.poll() is not None, stop_signals)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
