"""Everything on one machine: `petition up` starts it, watches it, and leaves nothing behind."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from petition.embedded.attach import attached, engines, running
from petition.embedded.children import EngineError
from petition.embedded.crew import Crew
from petition.embedded.engines import Engines
from petition.embedded.leftovers import sweep
from petition.embedded.ports import free
from petition.embedded.programs import PREPARE, Program, all_of, ready_folder
from petition.embedded.settings import complete, is_setting
from petition.embedded.stack import Record, locked
from petition.embedded.stopping import Stopping
from petition.embedded.voice import Voice

__all__ = ["attached", "engines", "running", "up"]

PROGRAMS_STOP = 5.5  # seconds a program is given to end by itself
ALL_STOPPED = 9.2  # seconds from the wish to stop until nothing runs
READY_WITHIN = 30.0  # seconds

Programs = Callable[[Path, int], Sequence[Program]]


def up(
    data: Path, port: int, environ: Mapping[str, str], programs: Programs = all_of, prepare: Sequence[str] = PREPARE
) -> int:
    """Run engines, web, workers, beat and mailbox until Ctrl-C, SIGTERM or SIGHUP, and return the exit code.

    0 after such a signal; 1, with a line that says why, when it cannot start or a process ends by itself. All are gone
    within ten seconds of the signal.
    """
    data = data.resolve()
    stopping = Stopping()
    voice = Voice(sys.stdout, width=len("confirmations"))
    try:
        with locked(data, seconds=0.5):
            code = _Up(data, port, environ, voice, stopping).run(programs, prepare)
    except EngineError as problem:
        code = 0 if stopping() else 1
        if code:
            voice.say(f"petition up: {problem.message}")
    if not voice.finish(1.0):
        # A terminal that takes no more output would hold the interpreter's exit as well.
        os._exit(code)
    return code


class _Up:
    def __init__(self, data: Path, port: int, environ: Mapping[str, str], voice: Voice, stopping: Stopping) -> None:
        self.data = data
        self.port = port
        self.environ = environ
        self.voice = voice
        self.stopping = stopping
        self.record = Record(data)
        self._url = f"http://127.0.0.1:{port}"

    def run(self, programs: Programs, prepare: Sequence[str]) -> int:
        sweep(self.record)
        if not free(self.port):
            raise EngineError(f"port {self.port} is taken: choose another with --port")
        shutil.rmtree(ready_folder(self.data), ignore_errors=True)
        ready_folder(self.data).mkdir(mode=0o700)
        engines = Engines(self.data, self.environ, self.record, with_mailbox=True)
        self.voice.say("Starting…")
        try:
            environ = self._environ(engines.start(self.stopping))
            return self._with(engines, environ, programs(self.data, self.port), prepare)
        finally:
            engines.stop(self.stopping.left(ALL_STOPPED))
            self.record.clear()

    def _environ(self, found: Mapping[str, str]) -> dict[str, str]:
        whole = complete(self.data, self.environ, found, self.port)
        return whole | {"PETITION_READY_DIR": str(ready_folder(self.data)), "PYTHONUNBUFFERED": "1"}

    def _with(
        self, engines: Engines, environ: Mapping[str, str], programs: Sequence[Program], prepare: Sequence[str]
    ) -> int:
        crew = Crew(self.voice, self.record.note, environ, self.data)
        try:
            code = crew.run(Program("database", prepare), self.stopping)
            if code:
                raise EngineError("the database could not be prepared: see the lines above")
            if code == 0:
                settings = {name: value for name, value in environ.items() if is_setting(name)}
                self.record.publish(settings, self._url, self.port)
                crew.start(programs)
                threading.Thread(target=self._welcome, args=(programs, environ), daemon=True).start()
            return self._watch(crew, engines)
        finally:
            self.stopping.begin()
            crew.end(min(PROGRAMS_STOP, self.stopping.left(ALL_STOPPED)))

    def _watch(self, crew: Crew, engines: Engines) -> int:
        while not self.stopping():
            fallen = crew.fallen()
            if fallen:
                self.voice.say(f"{fallen[0]} ended by itself (exit code {fallen[1]}): stopping everything")
                return 1
            if engine := engines.fallen():
                self.voice.say(f"{engine} ended by itself: stopping everything (see {self.data / engine}.log)")
                return 1
            time.sleep(0.1)
        self.voice.say("Stopping…")
        return 0

    def _welcome(self, programs: Sequence[Program], environ: Mapping[str, str]) -> None:
        late = list(programs)
        limit = time.monotonic() + READY_WITHIN
        while late and not self.stopping.begun:
            late = [program for program in late if not program.ready()]
            if late and time.monotonic() > limit:
                names = " and ".join(program.name for program in late)
                self.voice.say(f"Not ready after {READY_WITHIN:.0f} seconds: {names}. Still waiting…")
                limit = float("inf")
            time.sleep(0.05)
        if not self.stopping.begun:
            self.record.update(ready=True)
            self.voice.say(_addresses(self._url, "PETITION_MAILBOX" in environ, self._first_sign_in()))

    def _first_sign_in(self) -> str | None:
        """Return the link that the preparation of an empty database left, good until somebody uses it."""
        try:
            return (ready_folder(self.data) / "first-sign-in").read_text(encoding="ascii")
        except FileNotFoundError:
            return None


def _addresses(url: str, mailbox: bool, first_sign_in: str | None) -> str:
    lines = [("Petitions", f"{url}/"), ("The letter", f"{url}/p/internet-en-prison")]
    if mailbox:
        lines.append(("Mailbox", f"{url}/mailbox"))
    lines += [("API", f"{url}/api/v1/docs"), ("Mail queue", f"{url}/ops/")]
    shown = "\n".join(f"  {name:<12}{address}" for name, address in lines)
    if first_sign_in:
        shown += f"\n\n  There is no account for the team yet. This link makes the first one, once:\n  {first_sign_in}"
    return f"\nReady.\n\n{shown}\n\n  Ctrl-C stops everything.\n"
