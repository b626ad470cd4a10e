"""The engines that an environment lacks, started and stopped together."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO

from petition.embedded import mailbox
from petition.embedded.children import EngineError, spawn
from petition.embedded.engine import Engine
from petition.embedded.ports import choose
from petition.embedded.postgres import Postgres
from petition.embedded.settings import given, is_setting
from petition.embedded.stack import Record
from petition.embedded.valkey import Valkey

LONGEST_STOP = sum(seconds for _, seconds in Postgres.steps)


class Mailbox(Engine):
    """The mail server that keeps every message in DATA/mailbox."""

    name = "mailbox"

    def __init__(self, data: Path, port: int) -> None:
        super().__init__(data)
        self.port = port

    @property
    def url(self) -> str:
        """Its address, as host and port."""
        return f"127.0.0.1:{self.port}"

    def launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the server by its file, which spares loading the application."""
        words = [sys.executable, "-P", mailbox.__file__, "--port", str(self.port), "--dir", str(self.folder)]
        environ = {name: value for name, value in os.environ.items() if not is_setting(name)}
        return spawn(words, log, environ, cwd=self.data)

    def answers(self) -> bool:
        """Say whether our own process greets, not another's."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                greeting = connection.makefile("rb").readline()
        except OSError:
            return False
        return self.process is not None and greeting.split()[-1:] == [str(self.process.pid).encode()]


class Engines:
    """PostgreSQL unless DATABASE_URL is given, Valkey unless REDIS_URL, the mailbox, if wanted, unless MAIL_SERVER."""

    def __init__(self, data: Path, environ: Mapping[str, str], record: Record, with_mailbox: bool) -> None:
        self._record = record
        remembered = record.read().get("ports", {})
        valkey = choose(remembered.get("valkey"))
        smtp = choose(remembered.get("smtp"), taken=[valkey])
        record.update(ports={"valkey": valkey, "smtp": smtp})
        self.all: list[Engine] = []
        self.found: dict[str, str] = {}
        if not given(environ, "DATABASE_URL"):
            self._add("DATABASE_URL", Postgres(data))
        if not given(environ, "REDIS_URL"):
            self._add("REDIS_URL", Valkey(data, valkey))
        if not given(environ, "MAIL_SERVER"):
            self.found |= {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(smtp)}
            if with_mailbox:
                self._add("PETITION_MAILBOX", Mailbox(data, smtp))
                self.found["PETITION_MAILBOX"] = str(data / "mailbox")

    def _add(self, setting: str, engine: Engine) -> None:
        self.all.append(engine)
        self.found[setting] = engine.url

    def start(self, stopping: Callable[[], bool] = lambda: False) -> dict[str, str]:
        """Start them side by side and return the settings that lead to them.

        Raises `EngineError`, with every engine stopped, when one fails or when `stopping` turns true.
        """
        with ThreadPoolExecutor(max(len(self.all), 1)) as pool:
            futures = [pool.submit(engine.start, self._record.note) for engine in self.all]
            try:
                self._await(futures, stopping)
            except BaseException:
                self.stop()
                raise
        return self.found

    def _await(self, futures: list[Future[str]], stopping: Callable[[], bool]) -> None:
        pending: set[Future[str]] = set(futures)
        while pending:
            done, pending = wait(pending, timeout=0.05, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            if stopping():
                raise EngineError("stopped before it was ready")

    def fallen(self) -> str | None:
        """Return the name of an engine that ended by itself, if any."""
        return next((engine.name for engine in self.all if not engine.alive()), None)

    def stop(self, seconds: float = LONGEST_STOP) -> None:
        """Stop them all side by side, within so many seconds."""
        with ThreadPoolExecutor(max(len(self.all), 1)) as pool:
            list(pool.map(lambda engine: engine.stop(seconds / LONGEST_STOP), self.all))
