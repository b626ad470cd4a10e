"""The services that an environment lacks, started and stopped together."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO

from petition.local_stack import smtp_server
from petition.local_stack.environment import is_given, is_setting
from petition.local_stack.ports import choose_port
from petition.local_stack.postgres import Postgres
from petition.local_stack.processes import LocalStackError, spawn
from petition.local_stack.service import Service
from petition.local_stack.state_file import StateFile
from petition.local_stack.valkey import Valkey

STOP_TIMEOUT_SECONDS = sum(seconds for _, seconds in Postgres.stop_signals)


class SmtpServer(Service):
    """The mail server that stores every message in DATA/mailbox."""

    name = "mailbox"

    def __init__(self, data: Path, port: int) -> None:
        super().__init__(data)
        self.port = port

    @property
    def url(self) -> str:
        """The address, as host and port."""
        return f"127.0.0.1:{self.port}"

    def launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the server by its file, without loading the application."""
        command = [sys.executable, "-P", smtp_server.__file__, "--port", str(self.port), "--dir", str(self.folder)]
        environ = {name: value for name, value in os.environ.items() if not is_setting(name)}
        return spawn(command, log, environ, cwd=self.data)

    def is_ready(self) -> bool:
        """Return whether our own process answers, not another one on the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                greeting = connection.makefile("rb").readline()
        except OSError:
            return False
        return self.process is not None and greeting.split()[-1:] == [str(self.process.pid).encode()]


class Services:
    """PostgreSQL unless DATABASE_URL is given, Valkey unless REDIS_URL is, the mailbox unless MAIL_SERVER is."""

    def __init__(self, data: Path, environ: Mapping[str, str], record: StateFile, with_mailbox: bool) -> None:
        self._state_file = record
        remembered = record.read().get("ports", {})
        valkey = choose_port(remembered.get("valkey"))
        smtp = choose_port(remembered.get("smtp"), taken=[valkey])
        record.update(ports={"valkey": valkey, "smtp": smtp})
        self.services: list[Service] = []
        self.settings: dict[str, str] = {}
        if not is_given(environ, "DATABASE_URL"):
            self._add("DATABASE_URL", Postgres(data))
        if not is_given(environ, "REDIS_URL"):
            self._add("REDIS_URL", Valkey(data, valkey))
        if not is_given(environ, "MAIL_SERVER") and not is_given(environ, "MAIL_RELAYS"):
            self.settings |= {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(smtp)}
            if with_mailbox:
                self._add("PETITION_MAILBOX", SmtpServer(data, smtp))
                self.settings["PETITION_MAILBOX"] = str(data / "mailbox")

    def _add(self, setting: str, service: Service) -> None:
        self.services.append(service)
        self.settings[setting] = service.url

    def start(self, stopping: Callable[[], bool] = lambda: False) -> dict[str, str]:
        """Start them in parallel and return the settings that lead to them.

        Raises `LocalStackError`, with every service stopped, when one fails or when `stopping` turns true.
        """
        with ThreadPoolExecutor(max(len(self.services), 1)) as pool:
            futures = [pool.submit(service.start, self._state_file.add_process) for service in self.services]
            try:
                self._wait(futures, stopping)
            except BaseException:
                self.stop()
                raise
        return self.settings

    def _wait(self, futures: list[Future[str]], stopping: Callable[[], bool]) -> None:
        pending: set[Future[str]] = set(futures)
        while pending:
            done, pending = wait(pending, timeout=0.05, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            if stopping():
                raise LocalStackError("stopped before it was ready")

    def exited(self) -> str | None:
        """Return the name of a service that ended by itself, if any."""
        return next((service.name for service in self.services if not service.is_running()), None)

    def restart(self, name: str, stopping: Callable[[], bool]) -> None:
        """Start a service again that has ended, on the same address. Raises as `start` does."""
        service = next(service for service in self.services if service.name == name)
        with ThreadPoolExecutor(1) as pool:
            try:
                self._wait([pool.submit(service.start, self._state_file.add_process)], stopping)
            except BaseException:
                service.stop()
                raise

    def stop(self, seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Stop them all in parallel, within `seconds`."""
        with ThreadPoolExecutor(max(len(self.services), 1)) as pool:
            list(pool.map(lambda service: service.stop(seconds / STOP_TIMEOUT_SECONDS), self.services))
