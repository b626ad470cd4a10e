"""Programs that run and end together."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from petition.embedded.children import hit, spawn, wait_until
from petition.embedded.engine import Note
from petition.embedded.programs import Program
from petition.embedded.voice import Voice


class Crew:
    """Starts programs, relays what they write, and ends them all, with whatever they started."""

    def __init__(self, voice: Voice, note: Note, environ: Mapping[str, str], folder: Path) -> None:
        self._voice = voice
        self._note = note
        self._environ = environ
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, programs: Sequence[Program]) -> None:
        """Start each program in the crew's folder and environment."""
        for program in programs:
            process = spawn(program.argv, subprocess.PIPE, self._environ, cwd=self._folder)
            self._running[program.name] = process
            self._note(program.name, process.pid)
            if process.stdout is not None:
                self._voice.relay(program.name, process.stdout)

    def run(self, program: Program, stopping: Callable[[], bool]) -> int | None:
        """Run a program to its end and return its exit code; None when it was ended because of `stopping`."""
        self.start([program])
        process = self._running[program.name]
        while not stopping():
            if wait_until(lambda: process.poll() is not None, 0.1):
                del self._running[program.name]
                return process.returncode
        return None

    def fallen(self) -> tuple[str, int] | None:
        """Return the name and the exit code of a program that ended by itself, if any."""
        ended = ((name, process.poll()) for name, process in self._running.items())
        return next(((name, code) for name, code in ended if code is not None), None)

    def end(self, seconds: float) -> None:
        """Ask every program to end, and kill what has not within so many seconds."""
        processes = list(self._running.values())
        for process in processes:
            hit(process.pid, signal.SIGTERM)
        wait_until(lambda: all(process.poll() is not None for process in processes), seconds)
        # A program's own children may outlive it.
        for process in processes:
            hit(process.pid, signal.SIGKILL)
        wait_until(lambda: all(process.poll() is not None for process in processes), 1.0)
        self._running.clear()
