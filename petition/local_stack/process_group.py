"""Processes that are started and terminated together, and started again one by one."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from petition.local_stack.app_processes import AppProcess
from petition.local_stack.console import ConsolePrinter
from petition.local_stack.processes import send_signal, spawn, wait_until
from petition.local_stack.service import StartCallback


class ProcessGroup:
    """Starts processes, relays their output, and terminates them all with their children."""

    def __init__(
        self, console: ConsolePrinter, on_start: StartCallback, environ: Mapping[str, str], folder: Path
    ) -> None:
        self._console = console
        self._on_start = on_start
        self._environ = environ
        self._folder = folder
        self._app_processes: dict[str, AppProcess] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, app_processes: Sequence[AppProcess]) -> None:
        """Start each process in the group's folder and environment."""
        for app_process in app_processes:
            process = spawn(app_process.argv, subprocess.PIPE, self._environ, cwd=self._folder)
            self._app_processes[app_process.name], self._running[app_process.name] = app_process, process
            self._on_start(app_process.name, process.pid)
            if process.stdout is not None:
                self._console.relay(app_process.name, process.stdout)

    def run(self, app_process: AppProcess, stopping: Callable[[], bool]) -> int | None:
        """Run a process to its end and return its exit code; None once `stopping` is true, while it still runs."""
        self.start([app_process])
        process = self._running[app_process.name]
        while not stopping():
            if wait_until(lambda: process.poll() is not None, 0.1):
                del self._running[app_process.name]
                return process.returncode
        return None

    def restart(self, name: str) -> None:
        """Start a process again that has ended, after the end of what it left running."""
        send_signal(self._running[name].pid, signal.SIGKILL)
        self.start([self._app_processes[name]])

    def exited(self) -> tuple[str, int] | None:
        """Return the name and the exit code of a process that ended by itself, if any."""
        ended = ((name, process.poll()) for name, process in self._running.items())
        return next(((name, code) for name, code in ended if code is not None), None)

    def terminate(self, seconds: float) -> None:
        """Send SIGTERM to every process, and SIGKILL to those that still run after `seconds`."""
        processes = list(self._running.values())
        for process in processes:
            send_signal(process.pid, signal.SIGTERM)
        wait_until(lambda: all(process.poll() is not None for process in processes), seconds)
        # A process's own children may outlive it.
        for process in processes:
            send_signal(process.pid, signal.SIGKILL)
        wait_until(lambda: all(process.poll() is not None for process in processes), 1.0)
        self._running.clear()
