"""`petition up`: start services and processes on one machine, watch them, and stop them all."""

import os
import shutil
import sys
import threading
import time
from collections import defaultdict
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

PROCESS_STOP_TIMEOUT_SECONDS = 5.5  # for a process to end by itself
SHUTDOWN_TIMEOUT_SECONDS = 9.2  # from the request to stop until nothing runs
READY_TIMEOUT_SECONDS = 30.0
MAX_RESTARTS, RESTARTS_WINDOW_SECONDS = 3, 60.0  # of one part
RESTART_PAUSE_SECONDS = 1.0

ProcessFactory = Callable[[Path, int], Sequence[AppProcess]]


def up(
    data: Path,
    port: int,
    environ: Mapping[str, str],
    app_processes: ProcessFactory = list_processes,
    prepare: Sequence[str] = PREPARE_COMMAND,
) -> int:
    """Run the services, web, workers and beat until Ctrl-C, SIGTERM or SIGHUP, and return the exit code.

    A part that ends by itself is started again, with a line that says so. 0 after such a signal; 1, with a line that
    says why, when it cannot start, or a part ends again and again. Nothing runs ten seconds after the signal.
    """
    data = data.resolve()
    stopping = ShutdownRequest()
    console = ConsolePrinter(sys.stdout, width=len("confirmations"))
    try:
        with lock_data_folder(data, seconds=0.5):
            code = _Supervisor(data, port, environ, console, stopping).run(app_processes, prepare)
    except LocalStackError as error:
        code = 0 if stopping() else 1
        if code:
            console.print_text(f"petition up: {error.message}")
    if not console.finish(1.0):
        # A terminal that accepts no more output would block the interpreter's exit as well.
        os._exit(code)
    return code


class _Supervisor:
    def __init__(
        self, data: Path, port: int, environ: Mapping[str, str], console: ConsolePrinter, stopping: ShutdownRequest
    ) -> None:
        self.data = data
        self.port = port
        self.environ = environ
        self.console = console
        self.stopping = stopping
        self.state_file = StateFile(data)
        self._url = f"http://127.0.0.1:{port}"
        self._is_ready = threading.Event()
        self._restarts: dict[str, list[float]] = defaultdict(list)  # of each part, when

    def run(self, app_processes: ProcessFactory, prepare: Sequence[str]) -> int:
        terminate_orphans(self.state_file)
        if not is_free(self.port):
            raise LocalStackError(f"port {self.port} is taken: choose another with --port")
        shutil.rmtree(ready_folder(self.data), ignore_errors=True)
        ready_folder(self.data).mkdir(mode=0o700)
        services = Services(self.data, self.environ, self.state_file, with_mailbox=True)
        self.console.print_text("Starting…")
        try:
            environ = self._build_environment(services.start(self.stopping))
            return self._run_processes(services, environ, app_processes(self.data, self.port), prepare)
        finally:
            services.stop(self.stopping.seconds_left(SHUTDOWN_TIMEOUT_SECONDS))
            self.state_file.clear()

    def _build_environment(self, found: Mapping[str, str]) -> dict[str, str]:
        complete = build_environment(self.data, self.environ, found, self.port)
        return complete | {"PETITION_READY_DIR": str(ready_folder(self.data)), "PYTHONUNBUFFERED": "1"}

    def _run_processes(
        self,
        services: Services,
        environ: Mapping[str, str],
        app_processes: Sequence[AppProcess],
        prepare: Sequence[str],
    ) -> int:
        group = ProcessGroup(self.console, self.state_file.add_process, environ, self.data)
        try:
            code = group.run(AppProcess("database", prepare), self.stopping)
            if code:
                raise LocalStackError("the database could not be prepared: see the lines above")
            if code == 0:
                settings = {name: value for name, value in environ.items() if is_setting(name)}
                self.state_file.record_stack(settings, self._url, self.port)
                group.start(app_processes)
                threading.Thread(target=self._announce_when_ready, args=(app_processes, environ), daemon=True).start()
            return self._watch(group, services)
        finally:
            self.stopping.begin()
            group.terminate(min(PROCESS_STOP_TIMEOUT_SECONDS, self.stopping.seconds_left(SHUTDOWN_TIMEOUT_SECONDS)))

    def _watch(self, group: ProcessGroup, services: Services) -> int:
        while not self.stopping():
            if exited := group.exited():
                name, code = exited
                if not self._may_restart(name, f"exit code {code}"):
                    return 1
                group.restart(name)
            if service := services.exited():
                if not self._may_restart(service, f"see {self.data / service}.log"):
                    return 1
                services.restart(service, self.stopping)
            time.sleep(0.1)
        self.console.print_text("Stopping…")
        return 0

    def _may_restart(self, name: str, why: str) -> bool:
        """Say that a part ended by itself, and return whether it is to be started again, after a pause."""
        now = time.monotonic()
        recent = [at for at in self._restarts[name] if now - at < RESTARTS_WINDOW_SECONDS]
        if not self._is_ready.is_set() or len(recent) >= MAX_RESTARTS:
            again = f" {len(recent) + 1} times within a minute" if recent else ""
            self.console.print_text(f"{name} ended by itself ({why}){again}: stopping everything")
            return False
        self._restarts[name] = [*recent, now]
        self.console.print_text(f"{name} ended by itself ({why}): starting it again")
        self._pause(RESTART_PAUSE_SECONDS)
        return True

    def _pause(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self.stopping():
            time.sleep(0.05)

    def _announce_when_ready(self, app_processes: Sequence[AppProcess], environ: Mapping[str, str]) -> None:
        late = list(app_processes)
        limit = time.monotonic() + READY_TIMEOUT_SECONDS
        while late and not self.stopping.has_begun:
            late = [process for process in late if not process.is_ready()]
            if late and time.monotonic() > limit:
                names = " and ".join(process.name for process in late)
                self.console.print_text(f"Not ready after {READY_TIMEOUT_SECONDS:.0f} seconds: {names}. Still waiting…")
                limit = float("inf")
            time.sleep(0.05)
        if not self.stopping.has_begun:
            self._is_ready.set()
            self.state_file.update(ready=True)
            self.console.print_text(
                _format_addresses(self._url, "PETITION_MAILBOX" in environ, self._read_first_sign_in_link())
            )

    def _read_first_sign_in_link(self) -> str | None:
        """Return the one-time link that the preparation of an empty database wrote, if any."""
        try:
            return (ready_folder(self.data) / "first-sign-in").read_text(encoding="ascii")
        except FileNotFoundError:
            return None


def _format_addresses(url: str, mailbox: bool, first_sign_in: str | None) -> str:
    lines = [("Petitions", f"{url}/"), ("The letter", f"{url}/p/internet-en-prison")]
    if mailbox:
        lines.append(("Mailbox", f"{url}/mailbox"))
    lines += [("Desk", f"{url}/desk/"), ("Mail queue", f"{url}/ops/"), ("API", f"{url}/api/v1/docs")]
    shown = "\n".join(f"  {name:<12}{address}" for name, address in lines)
    if first_sign_in:
        shown += f"\n\n  There is no account for the team yet. This link makes the first one, once:\n  {first_sign_in}"
    return f"\nReady.\n\n{shown}\n\n  Ctrl-C stops everything.\n"
