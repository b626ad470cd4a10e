"""`petition up`: start, stop, restart with the same data, and errors in settings.

That it starts without a warning and stops whole on Ctrl-C, the fixture `stack` checks.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.local_stack import STOP_LIMIT_SECONDS, LocalStack
from support.ports import free_port
from support.settings import ROOT

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("stack")]


@pytest.mark.slow
def test_two_stacks_side_by_side_a_clean_stop_and_the_data_again(stack, tmp_path):
    other = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    assert other.count()["confirmed"] == 0
    other.request("POST", "/p/internet-en-prison/sign", form={"name": "Zoé", "email": "zoe@example.org"})
    assert other.confirm(other.link_to("zoe@example.org")).status == 303
    mails = len(other.get("/mailbox/messages.json").json)
    took, left = other.stop(signal.SIGINT)
    assert other.process.returncode == 0
    assert took < STOP_LIMIT_SECONDS
    assert left == []
    again = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    assert again.count()["confirmed"] == 1
    assert len(again.get("/mailbox/messages.json").json) == mails
    took, left = again.stop(signal.SIGTERM)
    assert took < STOP_LIMIT_SECONDS
    assert left == []
    assert stack.get("/readyz").status == 200


@pytest.mark.slow
def test_commands_find_the_running_stack(stack, tmp_path):
    def petition(*arguments):
        command = [sys.executable, "-m", "petition.cli", "--data", str(stack.data), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)

    listed = petition("petitions", "list")
    assert listed.returncode == 0, listed.stderr
    assert "internet-en-prison" in listed.stdout
    bad = tmp_path / "bad.md"
    bad.write_text("---\nslug: Bad Slug\nkind: poem\n---\n# fr: T\n\nno summary\n")
    refused = petition("petitions", "create", str(bad))
    assert refused.returncode != 0
    for line in (f"{bad}:2:", f"{bad}:3:"):
        assert line in refused.stderr
    assert "poem" not in petition("petitions", "list").stdout
    assert petition("petitions", "show", "no-such").returncode != 0
    assert petition("db", "upgrade").returncode == 0
    assert petition("queue").returncode == 0
    checked = petition("doctor")
    assert checked.returncode == 0, checked.stdout
    assert {line.split()[0] for line in checked.stdout.splitlines() if not line.startswith(" ")} == {"ok"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PETITION_FOO", "1"),  # what is wrong with which value, tests/test_config.py says
        pytest.param("CONFIRM_WITHIN", "never", marks=pytest.mark.slow),
        pytest.param("REDIS_URL", "nonsense", marks=pytest.mark.slow),
    ],
)
def test_a_bad_setting_ends_the_start_with_one_line(tmp_path, name, value):
    command = [sys.executable, "-m", "petition.cli", "up", "--port", str(free_port()), "--data", str(tmp_path / "data")]
    ended = subprocess.run(
        command, env={**os.environ, name: value}, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"petition: {name} ")
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_slow_clients_and_hostile_hosts_do_not_disturb_who_signs(stack):
    halves = [
        b"",
        b"GET /p/internet-en-pri",
        b"POST /p/internet-en-prison/sign HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nname=Zo",
        b"POST /p/internet-en-prison/sign HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n90\r\nname",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n",
    ]
    with contextlib.ExitStack() as opened:
        for half in halves * 10:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=60))
            connection.sendall(half)

        def sign(n):
            started = time.monotonic()
            form = {"name": "Zoé Martin", "email": f"slow{n}@example.org"}
            answer = stack.request("POST", "/p/internet-en-prison/sign", form=form, network=n)
            return answer.status, time.monotonic() - started

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(sign, range(20)))
    assert {status for status, _ in answers} == {303}
    assert max(seconds for _, seconds in answers) < 8, "a thread that waits for them waits ten"
    before = len(stack.output.read_text().splitlines())
    hosts = [b"evil.example", b"evil..example", b"a" * 64 + b".example", b"\xe9\xff", b"a\r\nHost: b", b"", None]
    for host in hosts:
        header = b"" if host is None else b"Host: " + host + b"\r\n"
        with socket.create_connection(("127.0.0.1", stack.port), timeout=60) as connection:
            connection.sendall(b"GET /mailbox HTTP/1.1\r\n" + header + b"Connection: close\r\n\r\n")
            assert connection.recv(99).startswith(b"HTTP/1.1 400 "), host
    assert stack.get("/mailbox/messages.json").status == 200
    lines = stack.output.read_text().splitlines()[before:]
    # One line for each, the last of them perhaps not yet written; others are of signatures made before.
    assert len([line for line in lines if "status=303" not in line and " email " not in line]) <= len(hosts), lines
