"""Programs that run and end together."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from petition.local_stack.app_processes import AppProcess
from petition.local_stack.console import ConsolePrinter
from petition.local_stack.processes import send_signal, spawn, wait_until
from petition.local_stack.service import StartCallback


class ProcessGroup:
    """Starts programs, relays what they write, and ends them all, with whatever they started."""

    def __init__(self, voice: ConsolePrinter, note: StartCallback, environ: Mapping[str, str], folder: Path) -> None:
        self._console = voice
        self._on_start = note
        self._environ = environ
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, programs: Sequence[AppProcess]) -> None:
        """Start each program in the crew's folder and environment."""
        for program in programs:
            process = spawn(program.argv, subprocess.PIPE, self._environ, cwd=self._folder)
            self._running[program.name] = process
            self._on_start(program.name, process.pid)
            if process.stdout is not None:
                self._console.relay(program.name, process.stdout)

    def run(self, program: AppProcess, stopping: Callable[[], bool]) -> int | None:
        """Run a program to its end and return its exit code; None when it was ended because of `stopping`."""
        self.start([program])
        process = self._running[program.name]
        while not stopping():
            if wait_until(lambda: process.poll() is not None, 0.1):
                del self._running[program.name]
                return process.returncode
        return None

    def exited(self) -> tuple[str, int] | None:
        """Return the name and the exit code of a program that ended by itself, if any."""
        ended = ((name, process.poll()) for name, process in self._running.items())
        return next(((name, code) for name, code in ended if code is not None), None)

    def terminate(self, seconds: float) -> None:
        """Ask every program to end, and kill what has not within so many seconds."""
        processes = list(self._running.values())
        for process in processes:
            send_signal(process.pid, signal.SIGTERM)
        wait_until(lambda: all(process.poll() is not None for process in processes), seconds)
        # A program's own children may outlive it.
        for process in processes:
            send_signal(process.pid, signal.SIGKILL)
        wait_until(lambda: all(process.poll() is not None for process in processes), 1.0)
        self._running.clear()
