"""`petition up`: a part that ends is started again, a signal stops everything, and no process is left."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from support.local_stack import STOP_LIMIT_SECONDS

from petition.local_stack import connect
from petition.local_stack.ports import choose_port
from petition.local_stack.processes import process_identity, wait_until
from petition.local_stack.state_file import StateFile, is_locked

DRIVER = """
import json, os, sys
from pathlib import Path
from petition.local_stack import supervisor
from petition.local_stack.app_processes import AppProcess

data, port, scripts = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])

def programs(data, port):
    ready = data / "ready"
    return [AppProcess(name, (sys.executable, "-c", script), (ready / name).exists) for name, script in scripts.items()]

sys.exit(supervisor.up(data, port, os.environ, programs, (sys.executable, "-c", sys.argv[4])))
"""

READY = """
import os, pathlib, signal, subprocess, sys, time
def ready(name):
    (pathlib.Path(os.environ["PETITION_READY_DIR"]) / name).touch()
"""
WELL_BEHAVED = READY + "ready('obedient'); time.sleep(600)"
IGNORES_SIGNALS = READY + "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; ready('deaf'); time.sleep(600)"
# Its child keeps the output open and ignores signals too.
HAS_STUBBORN_CHILD = READY + (
    "deaf = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(\"born\", flush=True); time.sleep(600)'\n"
    "child = subprocess.Popen([sys.executable, '-c', deaf], stdout=subprocess.PIPE); child.stdout.readline()\n"
    "print('child', child.pid, flush=True); ready('parent'); time.sleep(600)"
)
# Nothing to start: these tests are of the supervisor.
EXTERNAL_SERVICES = {
    "DATABASE_URL": "postgresql://db",
    "REDIS_URL": "redis://broker",
    "MAIL_SERVER": "mail.example.org",
}


class SupervisorProcess:
    """A supervisor in a process of its own, with stand-ins for the application."""

    def __init__(self, data: Path, scripts: dict[str, str], environ: dict[str, str], prepare: str = "", port: int = 0):
        self.data = data
        self.port = port or choose_port(None)
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "REDIS", "MAIL"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(data), str(self.port), json.dumps(scripts), prepare],
            env=clean | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # As from a terminal, even where the tests themselves run under nohup, which `petition up` respects.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )

    @property
    def processes(self) -> dict[str, int]:
        return {process["name"]: process["pid"] for process in StateFile(self.data).read().get("processes", [])}

    def await_ready(self) -> dict[str, int]:
        def settled() -> bool:
            running = StateFile(self.data).read_running() or {}
            return self.process.poll() is not None or bool(running.get("ready"))

        assert wait_until(settled, 60)
        assert self.process.poll() is None, self.output()
        return self.processes

    def stop(self, *signs: signal.Signals) -> tuple[int, float]:
        """Send signals; return the exit code and the seconds it took."""
        began = time.monotonic()
        for sign in signs:
            self.process.send_signal(sign)
        code = self.process.wait(120)
        return code, time.monotonic() - began

    def output(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read()


Start = Callable[..., SupervisorProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[SupervisorProcess] = []

    def _start(
        scripts: dict[str, str], environ: dict[str, str] = EXTERNAL_SERVICES, folder: str = "data", **options: Any
    ) -> SupervisorProcess:
        started.append(SupervisorProcess(tmp_path / folder, scripts, environ, **options))
        return started[-1]

    yield _start
    for up in started:
        if up.process.poll() is None:
            up.process.terminate()
            up.process.wait(120)


def have_exited(processes: dict[str, int]) -> bool:
    return all(process_identity(pid) is None for pid in processes.values())


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(start: Start, sign: signal.Signals) -> None:
    up = start({"obedient": WELL_BEHAVED})
    processes = up.await_ready()
    code, seconds = up.stop(sign)
    assert code == 0
    assert seconds < STOP_LIMIT_SECONDS
    assert have_exited(processes)
    output = up.output()
    assert f"http://127.0.0.1:{up.port}/p/internet-en-prison" in output
    assert "/mailbox" not in output, "the mail server was given"


@pytest.mark.slow
def test_ctrl_c_leaves_none_behind_whatever_they_do(start: Start) -> None:
    up = start({"deaf": IGNORES_SIGNALS, "parent": HAS_STUBBORN_CHILD, "obedient": WELL_BEHAVED})
    processes = up.await_ready()
    os.kill(processes["obedient"], signal.SIGSTOP)
    up.process.send_signal(signal.SIGINT)
    # A second Ctrl-C, in the middle of the stop, changes nothing.
    assert not wait_until(lambda: up.process.poll() is not None, 0.5)
    code, seconds = up.stop(signal.SIGINT, signal.SIGTERM)
    assert code == 0
    assert seconds < STOP_LIMIT_SECONDS
    grandchild = next(int(line.split()[-1]) for line in up.output().splitlines() if "child " in line)
    assert wait_until(lambda: have_exited(processes | {"grandchild": grandchild}), 1)


@pytest.mark.slow
def test_a_part_that_ends_again_and_again_ends_everything(start: Start) -> None:
    up = start({"obedient": WELL_BEHAVED, "frail": READY + "ready('frail'); time.sleep(1); sys.exit(3)"})
    processes = up.await_ready()
    assert up.process.wait(120) == 1
    assert have_exited(processes | up.processes)
    output = up.output()
    assert output.count("frail ended by itself (exit code 3): starting it again") == 3
    assert "frail ended by itself (exit code 3) 4 times within a minute: stopping everything" in output


def test_a_part_that_does_not_even_start_ends_everything(start: Start) -> None:
    up = start({"obedient": WELL_BEHAVED, "frail": "raise SystemExit(3)", "late": "import time; time.sleep(600)"})
    assert up.process.wait(120) == 1
    assert "frail ended by itself (exit code 3): stopping everything" in up.output()


def test_a_part_that_is_killed_is_started_again(start: Start) -> None:
    up = start({"obedient": WELL_BEHAVED, "parent": HAS_STUBBORN_CHILD})
    before = up.await_ready()
    os.kill(before["parent"], signal.SIGKILL)
    assert wait_until(lambda: up.processes.get("parent") not in (None, before["parent"]), 20)
    after = up.processes
    assert after["obedient"] == before["obedient"], "the others run on"
    code, _ = up.stop(signal.SIGINT)
    assert code == 0
    assert have_exited(after)


@pytest.mark.slow
def test_services_that_are_killed_are_started_again_with_their_data(start: Start, tmp_path: Path) -> None:
    up = start({"obedient": WELL_BEHAVED}, environ={})
    before = up.await_ready()
    settings = connect.get_running_settings(tmp_path / "data")
    assert settings is not None
    url = settings["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    for name in ("postgres", "valkey", "mailbox"):
        os.kill(before[name], signal.SIGKILL)
        assert wait_until(lambda name=name: up.processes.get(name) not in (None, before[name]), 30)

    def is_kept() -> bool:
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                return connection.execute("SELECT n FROM kept").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    assert wait_until(is_kept, 30)
    with redis.Redis.from_url(settings["REDIS_URL"], retry_on_error=[redis.ConnectionError]) as client:

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        assert wait_until(answers, 10)
    assert up.stop(signal.SIGINT)[0] == 0


def test_a_database_that_cannot_be_prepared(start: Start) -> None:
    up = start({"obedient": WELL_BEHAVED}, prepare="import sys; print('no such migration'); sys.exit(1)")
    assert up.process.wait(120) == 1
    output = up.output()
    assert "no such migration" in output
    assert output.strip().endswith("petition up: the database could not be prepared: see the lines above")


def test_ctrl_c_while_it_starts(start: Start) -> None:
    up = start({"obedient": WELL_BEHAVED}, prepare="import time; time.sleep(600)")
    assert wait_until(lambda: "database" in up.processes, 30)
    processes = up.processes
    code, seconds = up.stop(signal.SIGINT)
    assert code == 0
    assert seconds < STOP_LIMIT_SECONDS
    assert have_exited(processes)


def test_a_second_one_on_the_same_data_is_refused(start: Start) -> None:
    first = start({"obedient": WELL_BEHAVED})
    first.await_ready()
    second = start({"obedient": WELL_BEHAVED})
    assert second.process.wait(120) == 1
    (line,) = second.output().splitlines()
    assert "--data" in line
    assert first.process.poll() is None


def test_a_taken_port_is_refused(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start({"obedient": WELL_BEHAVED}, port=port)
        assert up.process.wait(120) == 1
        assert up.output().splitlines() == [f"petition up: port {port} is taken: choose another with --port"]


def test_a_blocked_terminal_does_not_hold_up_the_stop(start: Start) -> None:
    up = start({"talker": READY + "ready('talker')\nwhile True: print('x' * 1000, flush=True)"})
    processes = up.await_ready()
    code, seconds = up.stop(signal.SIGTERM)
    assert code == 0
    assert seconds < STOP_LIMIT_SECONDS
    assert have_exited(processes)


@pytest.mark.slow
def test_what_a_killed_one_left_is_ended_by_the_next(start: Start) -> None:
    first = start({"deaf": IGNORES_SIGNALS, "obedient": WELL_BEHAVED}, environ={})
    left = first.await_ready()
    assert {"postgres", "valkey", "mailbox"} < set(left)
    first.process.kill()
    first.process.wait()
    assert not have_exited(left)
    second = start({"obedient": WELL_BEHAVED}, environ={})
    second.await_ready()
    assert have_exited(left)


def test_a_process_that_only_took_over_the_number_is_spared(start: Start, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        (tmp_path / "data").mkdir()
        process = {"name": "web", "pid": stranger.pid, "birthmark": "another boot 1"}
        StateFile(tmp_path / "data").update(processes=[process])
        start({"obedient": WELL_BEHAVED}).await_ready()
        assert stranger.poll() is None
        stranger.kill()


def test_other_commands_attach_to_the_running_stack(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert connect.get_running_settings(data) is None
    up = start({"obedient": WELL_BEHAVED}, environ={})
    up.await_ready()
    settings = connect.get_running_settings(data)
    assert settings is not None
    assert len(settings["SECRET_KEY"]) == 64
    assert settings["PUBLIC_URL"] == f"http://127.0.0.1:{up.port}"
    assert settings["PETITION_MAILBOX"] == str(data / "mailbox")
    with connect.provide_services(data, {"PATH": "x", "MAIL_PORT": "1"}) as environ:
        assert environ == settings | {"PATH": "x"}
    with redis.Redis.from_url(settings["REDIS_URL"]) as client:
        assert client.ping()
    assert (data / "stack.json").stat().st_mode & 0o077 == 0
    assert (data / "secret_key").stat().st_mode & 0o077 == 0
    processes = up.processes
    code, seconds = up.stop(signal.SIGINT)
    assert (code, have_exited(processes)) == (0, True)
    assert seconds < STOP_LIMIT_SECONDS
    assert connect.get_running_settings(data) is None
    assert settings["SECRET_KEY"] not in (data / "stack.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_hung_engines_do_not_hold_up_the_stop(start: Start) -> None:
    up = start({"deaf": IGNORES_SIGNALS}, environ={})
    processes = up.await_ready()
    for name in ("postgres", "valkey", "mailbox", "deaf"):
        os.kill(processes[name], signal.SIGSTOP)
    code, seconds = up.stop(signal.SIGINT)
    assert code == 0
    assert seconds < STOP_LIMIT_SECONDS
    assert have_exited(processes)


@pytest.mark.slow
def test_two_stacks_side_by_side(start: Start) -> None:
    one, two = (start({"obedient": WELL_BEHAVED}, environ={}, folder=name) for name in ("one", "two"))
    one.await_ready()
    two.await_ready()
    settings = [connect.get_running_settings(up.data) or {} for up in (one, two)]
    for name in ("DATABASE_URL", "REDIS_URL", "MAIL_PORT", "SECRET_KEY"):
        assert settings[0][name] != settings[1][name]
    one.stop(signal.SIGINT)
    assert two.process.poll() is None


def test_engines_for_one_command(tmp_path: Path) -> None:
    key = ""
    for _ in range(2):
        with connect.provide_services(tmp_path, {"PATH": "x"}) as environ:
            assert is_locked(tmp_path)
            assert connect.get_running_settings(tmp_path) is None
            assert key in ("", environ["SECRET_KEY"])
            key = environ["SECRET_KEY"]
            host = environ["DATABASE_URL"].split("host=")[1]
            with psycopg.connect(host=host, user="petition", dbname="petition") as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            processes = {process["name"]: process["pid"] for process in StateFile(tmp_path).read()["processes"]}
        assert have_exited(processes)
        assert not is_locked(tmp_path)


def test_given_engines_are_used_as_they_are(tmp_path: Path) -> None:
    with connect.provide_services(tmp_path, EXTERNAL_SERVICES) as environ:
        assert environ == EXTERNAL_SERVICES
    assert list(tmp_path.iterdir()) == []
