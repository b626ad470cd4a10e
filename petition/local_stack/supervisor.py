"""Everything on one machine: `petition up` starts it, watches it, and leaves nothing behind."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from petition.local_stack.app_processes import PREPARE_COMMAND, AppProcess, list_processes, ready_folder
from petition.local_stack.console import ConsolePrinter
from petition.local_stack.environment import build_environment, is_setting
from petition.local_stack.orphans import terminate_orphans
from petition.local_stack.ports import is_free
from petition.local_stack.process_group import ProcessGroup
from petition.local_stack.processes import LocalStackError
from petition.local_stack.services import Services
from petition.local_stack.shutdown import ShutdownRequest
from petition.local_stack.state_file import StateFile, lock_data_folder

PROCESS_STOP_TIMEOUT_SECONDS = 5.5  # seconds a program is given to end by itself
SHUTDOWN_TIMEOUT_SECONDS = 9.2  # seconds from the wish to stop until nothing runs
READY_TIMEOUT_SECONDS = 30.0  # seconds

ProcessFactory = Callable[[Path, int], Sequence[AppProcess]]


def up(
    data: Path,
    port: int,
    environ: Mapping[str, str],
    programs: ProcessFactory = list_processes,
    prepare: Sequence[str] = PREPARE_COMMAND,
) -> int:
    """Run engines, web, workers, beat and mailbox until Ctrl-C, SIGTERM or SIGHUP, and return the exit code.

    0 after such a signal; 1, with a line that says why, when it cannot start or a process ends by itself. All are gone
    within ten seconds of the signal.
    """
    data = data.resolve()
    stopping = ShutdownRequest()
    voice = ConsolePrinter(sys.stdout, width=len("confirmations"))
    try:
        with lock_data_folder(data, seconds=0.5):
            code = _Supervisor(data, port, environ, voice, stopping).run(programs, prepare)
    except LocalStackError as problem:
        code = 0 if stopping() else 1
        if code:
            voice.print_text(f"petition up: {problem.message}")
    if not voice.finish(1.0):
        # A terminal that takes no more output would hold the interpreter's exit as well.
        os._exit(code)
    return code


class _Supervisor:
    def __init__(
        self, data: Path, port: int, environ: Mapping[str, str], voice: ConsolePrinter, stopping: ShutdownRequest
    ) -> None:
        self.data = data
        self.port = port
        self.environ = environ
        self.console = voice
        self.stopping = stopping
        self.state_file = StateFile(data)
        self._url = f"http://127.0.0.1:{port}"

    def run(self, programs: ProcessFactory, prepare: Sequence[str]) -> int:
        terminate_orphans(self.state_file)
        if not is_free(self.port):
            raise LocalStackError(f"port {self.port} is taken: choose another with --port")
        shutil.rmtree(ready_folder(self.data), ignore_errors=True)
        ready_folder(self.data).mkdir(mode=0o700)
        engines = Services(self.data, self.environ, self.state_file, with_mailbox=True)
        self.console.print_text("Starting…")
        try:
            environ = self._build_environment(engines.start(self.stopping))
            return self._run_processes(engines, environ, programs(self.data, self.port), prepare)
        finally:
            engines.stop(self.stopping.seconds_left(SHUTDOWN_TIMEOUT_SECONDS))
            self.state_file.clear()

    def _build_environment(self, found: Mapping[str, str]) -> dict[str, str]:
        whole = build_environment(self.data, self.environ, found, self.port)
        return whole | {"PETITION_READY_DIR": str(ready_folder(self.data)), "PYTHONUNBUFFERED": "1"}

    def _run_processes(
        self, engines: Services, environ: Mapping[str, str], programs: Sequence[AppProcess], prepare: Sequence[str]
    ) -> int:
        crew = ProcessGroup(self.console, self.state_file.add_process, environ, self.data)
        try:
            code = crew.run(AppProcess("database", prepare), self.stopping)
            if code:
                raise LocalStackError("the database could not be prepared: see the lines above")
            if code == 0:
                settings = {name: value for name, value in environ.items() if is_setting(name)}
                self.state_file.record_stack(settings, self._url, self.port)
                crew.start(programs)
                threading.Thread(target=self._announce_when_ready, args=(programs, environ), daemon=True).start()
            return self._watch(crew, engines)
        finally:
            self.stopping.begin()
            crew.terminate(min(PROCESS_STOP_TIMEOUT_SECONDS, self.stopping.seconds_left(SHUTDOWN_TIMEOUT_SECONDS)))

    def _watch(self, crew: ProcessGroup, engines: Services) -> int:
        while not self.stopping():
            fallen = crew.exited()
            if fallen:
                self.console.print_text(f"{fallen[0]} ended by itself (exit code {fallen[1]}): stopping everything")
                return 1
            if engine := engines.exited():
                self.console.print_text(f"{engine} ended by itself: stopping everything (see {self.data / engine}.log)")
                return 1
            time.sleep(0.1)
        self.console.print_text("Stopping…")
        return 0

    def _announce_when_ready(self, programs: Sequence[AppProcess], environ: Mapping[str, str]) -> None:
        late = list(programs)
        limit = time.monotonic() + READY_TIMEOUT_SECONDS
        while late and not self.stopping.has_begun:
            late = [program for program in late if not program.is_ready()]
            if late and time.monotonic() > limit:
                names = " and ".join(program.name for program in late)
                self.console.print_text(f"Not ready after {READY_TIMEOUT_SECONDS:.0f} seconds: {names}. Still waiting…")
                limit = float("inf")
            time.sleep(0.05)
        if not self.stopping.has_begun:
            self.state_file.update(ready=True)
            self.console.print_text(
                _format_addresses(self._url, "PETITION_MAILBOX" in environ, self._read_first_sign_in_link())
            )

    def _read_first_sign_in_link(self) -> str | None:
        """Return the link that the preparation of an empty database left, good until somebody uses it."""
        try:
            return (ready_folder(self.data) / "first-sign-in").read_text(encoding="ascii")
        except FileNotFoundError:
            return None


def _format_addresses(url: str, mailbox: bool, first_sign_in: str | None) -> str:
    lines = [("Petitions", f"{url}/"), ("The letter", f"{url}/p/internet-en-prison")]
    if mailbox:
        lines.append(("Mailbox", f"{url}/mailbox"))
    lines += [("API", f"{url}/api/v1/docs"), ("Mail queue", f"{url}/ops/")]
    shown = "\n".join(f"  {name:<12}{address}" for name, address in lines)
    if first_sign_in:
        shown += f"\n\n  There is no account for the team yet. This link makes the first one, once:\n  {first_sign_in}"
    return f"\nReady.\n\n{shown}\n\n  Ctrl-C stops everything.\n"
