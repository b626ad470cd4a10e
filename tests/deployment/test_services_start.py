"""Each service of compose.yaml that runs the application starts, gets healthy and stops, as a plain process."""

import http.client
import os
import shlex
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy.engine import make_url
from support import compose_file
from support.ports import free_port
from support.waiting import BUSY_FACTOR

from petition.core import schema

START_TIMEOUT_SECONDS = 90 * BUSY_FACTOR  # everything starts at once, beside other tests
STOP_TIMEOUT_SECONDS = 10 * BUSY_FACTOR

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("deployment")]

VARIABLES = {
    "PUBLIC_URL": "https://petition.example.org",
    "MAIL_DEFAULT_SENDER": "petition@example.org",
    "MAIL_SERVER": "mail",
    "SECRETS_DIR": "/secrets",
}
FLOWER = "operator:a password for flower"
IMAGE = compose_file.parse_image()
SERVICES: dict[str, dict[str, Any]] = {
    name: service
    for name, service in compose_file.resolve(compose_file.load_compose()["services"], VARIABLES).items()
    if "build" in service
}
LONG_RUNNING = sorted(set(SERVICES) - {"migrate"})
CHECKED_WHEN_STOPPED = ("flower", "web", "worker-maintenance")  # the workers share one health check
# method, path and credentials of a request to Flower, and the status of its answer
FLOWER_REQUESTS = {
    ("GET", "/workers", ""): 401,
    ("GET", "/workers", "operator:a wrong password"): 401,
    ("GET", "/workers", FLOWER): 200,
    ("POST", "/api/worker/shutdown/confirmations", FLOWER): 403,
}


class Machine:
    """What a container would find around it: secrets, a schedule's folder, names and ports, made local."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        self.folder = folder
        for name in ("secrets", "beat", "journal", "work", "tmp", "logs"):
            (folder / name).mkdir()
        secrets = {
            "secret_key": "k" * 64,
            "secret_key_fallbacks": "",
            "database_url": database_url,
            "broker_url": "",
            "database_replica_url": "",
            "mail_password": "",
            "mail_relays": "",
            "count_log_key": "",
            "dkim_key": "",
            "dkim_second_key": "",
            "metrics_token": "",
            "bounces_secret": "",
            "bounces_password": "",
            "alert_secret": "",
            "oidc_secret": "",
            "flower_basic_auth": FLOWER,
        }
        for name, value in secrets.items():
            (folder / "secrets" / name).write_text(value + "\n")
        self.local = {
            "/run/secrets/": f"{folder}/secrets/",
            "/run/beat/": f"{folder}/beat/",
            "/journal/": f"{folder}/journal/",
            "redis://valkey:6379/0": redis_url,
            "0.0.0.0": "127.0.0.1",
            "8000": str(free_port()),
            "5555": str(free_port()),
        }

    def translate(self, text: str) -> str:
        for theirs, ours in self.local.items():
            text = text.replace(theirs, ours)
        return text

    def environment(self, name: str) -> dict[str, str]:
        declared = {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}
        return {key: self.translate(value) for key, value in (IMAGE.environment | declared).items()} | {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": str(compose_file.ROOT),  # this code, whatever is installed
        }

    def command(self, name: str) -> list[str]:
        command = SERVICES[name].get("command", IMAGE.command)
        words = shlex.split(command) if isinstance(command, str) else command
        return [self.translate(word) for word in words]

    def health(self, name: str) -> list[str]:
        kind, *words = SERVICES[name].get("healthcheck", {}).get("test", ["CMD", *IMAGE.health])
        words = [self.translate(word) for word in words]
        return words if kind == "CMD" else ["/bin/sh", "-c", *words]

    def start(self, name: str) -> "Process":
        with (self.folder / "logs" / name).open("wb") as log:
            process = subprocess.Popen(
                self.command(name),
                cwd=self.folder / "work",
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Process(self, name, process)


@dataclass
class Process:
    """One service, running."""

    machine: Machine
    name: str
    process: "subprocess.Popen[bytes]"

    def log(self) -> str:
        return (self.machine.folder / "logs" / self.name).read_text(errors="replace")[-3000:]

    def is_healthy(self) -> bool:
        check = subprocess.run(
            self.machine.health(self.name),
            cwd=self.machine.folder / "work",
            env=self.machine.environment(self.name),
            capture_output=True,
            timeout=START_TIMEOUT_SECONDS,
            check=False,
        )
        return check.returncode == 0

    def gets_healthy(self) -> bool:
        ends = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < ends and self.process.poll() is None:
            if self.is_healthy():
                return True
            time.sleep(0.3)
        return False

    def stop(self) -> float | None:
        """Ask it to stop; return how long that took, or None if it did not."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - began

    def left_behind(self) -> bool:
        """Say whether a process of its group still lives."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        if self.process.poll() is None or self.left_behind():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def empty_database(database_url: str) -> Iterator[str]:
    """Yield the URL of a database with nothing in it."""
    url = make_url(database_url).set(drivername="postgresql")
    name = f"deployment_{os.getpid()}"
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield url.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, empty_database: str, redis_url: str) -> Iterator[Machine]:
    redis.Redis.from_url(redis_url).flushdb()
    yield Machine(tmp_path_factory.mktemp("machine"), empty_database, redis_url)
    redis.Redis.from_url(redis_url).flushdb()


@dataclass
class Lifecycle:
    """What was seen while every service was migrated, started, asked and stopped, once for all tests."""

    migration: Process
    revision: str = ""
    processes: dict[str, Process] = field(default_factory=dict)
    became_healthy: dict[str, bool] = field(default_factory=dict)
    flower_answers: dict[tuple[str, str, str], int] = field(default_factory=dict)
    stop_seconds: dict[str, float | None] = field(default_factory=dict)
    left_behind: dict[str, bool] = field(default_factory=dict)
    healthy_when_stopped: dict[str, bool] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lifecycle(machine: Machine, empty_database: str) -> Iterator[Lifecycle]:
    """Start everything as a server does when it boots, look, and stop it."""
    seen = Lifecycle(machine.start("migrate"))
    try:
        assert seen.migration.process.wait(START_TIMEOUT_SECONDS) == 0, seen.migration.log()
        with psycopg.connect(empty_database) as connection:
            seen.revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        for name in LONG_RUNNING:
            seen.processes[name] = machine.start(name)
        for name, process in seen.processes.items():
            seen.became_healthy[name] = process.gets_healthy()
        for request in FLOWER_REQUESTS:
            seen.flower_answers[request] = ask_flower(machine, *request)
        with ThreadPoolExecutor(len(LONG_RUNNING)) as pool:
            seen.stop_seconds = dict(zip(LONG_RUNNING, pool.map(Process.stop, seen.processes.values()), strict=True))
        for name, process in seen.processes.items():
            seen.left_behind[name] = process.left_behind()
        for name in CHECKED_WHEN_STOPPED:
            seen.healthy_when_stopped[name] = seen.processes[name].is_healthy()
        yield seen
    finally:
        for process in (seen.migration, *seen.processes.values()):
            process.kill()


def ask_flower(machine: Machine, method: str, path: str, credentials: str) -> int:
    """Return the status of Flower's answer; 0 if there is none."""
    headers = {"Authorization": "Basic " + b64encode(credentials.encode()).decode()} if credentials else {}
    connection = http.client.HTTPConnection("127.0.0.1", int(machine.local["5555"]), timeout=60)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_migrate_brings_an_empty_database_to_the_schema_of_this_code(lifecycle: Lifecycle) -> None:
    assert lifecycle.migration.process.returncode == 0, lifecycle.migration.log()
    assert lifecycle.revision == schema.head_revision()


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_gets_healthy(lifecycle: Lifecycle, name: str) -> None:
    assert lifecycle.became_healthy[name], lifecycle.processes[name].log()


@pytest.mark.parametrize("request_", FLOWER_REQUESTS)
def test_flower_requires_its_password_and_is_read_only(lifecycle: Lifecycle, request_: tuple[str, str, str]) -> None:
    assert lifecycle.flower_answers[request_] == FLOWER_REQUESTS[request_], lifecycle.processes["flower"].log()


def test_flower_does_not_start_without_a_password(tmp_path: Path, database_url: str, redis_url: str) -> None:
    machine = Machine(tmp_path, database_url, redis_url)
    (tmp_path / "secrets" / "flower_basic_auth").write_text("\n")
    flower = machine.start("flower")
    try:
        assert flower.process.wait(STOP_TIMEOUT_SECONDS) != 0
        assert "flower_basic_auth is empty" in flower.log()
    finally:
        flower.kill()


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_stops_in_time_and_leaves_nothing_behind(lifecycle: Lifecycle, name: str) -> None:
    assert lifecycle.stop_seconds[name] is not None, lifecycle.processes[name].log()
    assert lifecycle.processes[name].process.returncode == 0, lifecycle.processes[name].log()
    assert not lifecycle.left_behind[name]


@pytest.mark.parametrize("name", CHECKED_WHEN_STOPPED)
def test_a_stopped_service_is_not_healthy(lifecycle: Lifecycle, name: str) -> None:
    assert not lifecycle.healthy_when_stopped[name]


def test_nothing_is_written_where_the_image_is_read_only(lifecycle: Lifecycle, machine: Machine) -> None:
    assert set(lifecycle.stop_seconds) == set(LONG_RUNNING)
    assert list((machine.folder / "work").iterdir()) == []
