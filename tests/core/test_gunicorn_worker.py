"""Slow clients wait outside the threads; the delay of accept balances connections between web processes."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gunicorn.workers.gthread import ThreadWorker
from support.ports import free_port
from support.waiting import wait_for

from petition.core import gunicorn_worker
from petition.core.gunicorn_worker import (
    DELAY_PER_CONNECTION_SECONDS,
    HEAD_TIMEOUT_SECONDS,
    MAX_DELAY_SECONDS,
    LeastConnectionsWorker,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("connections", "delay"), [(0, 0), (3, 3 * DELAY_PER_CONNECTION_SECONDS), (10_000, MAX_DELAY_SECONDS)]
)
def test_accept_delay_grows_with_open_connections_up_to_a_limit(monkeypatch, connections, delay):
    calls = []
    monkeypatch.setattr(gunicorn_worker.time, "sleep", lambda seconds: calls.append(seconds))
    monkeypatch.setattr(ThreadWorker, "accept", lambda worker, listener: calls.append(listener))
    worker = LeastConnectionsWorker.__new__(LeastConnectionsWorker)
    worker.nr_conns = connections
    worker.accept("the listener")
    assert calls == [pytest.approx(delay), "the listener"]


APP = """

def app(environ, start_response):
    body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else b""
    length = int(environ["QUERY_STRING"] or 0)
    if environ["PATH_INFO"] == "/unread":
        body = b""
    answer = b"%d bytes" % len(body) + b"." * length
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run gunicorn with one process of two threads, and return its port."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "small_app.py").write_text(APP)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "small_app:app", "--bind", f"127.0.0.1:{port}", "--threads", "2",
        "--worker-class", "petition.core.gunicorn_worker.LeastConnectionsWorker", "--keep-alive", "5",
        "--worker-connections", "100", "--graceful-timeout", "10", "--no-control-socket", "--log-level", "warning",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    wait_for(lambda: can_connect(port), what="the server")
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(120)
    assert "Traceback" not in (folder / "log").read_text()


def can_connect(port):
    with contextlib.suppress(OSError):
        return bool(ask(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    return False


def ask(port, *parts, pause=0.0):
    """Send the parts of a request, and return all that is answered until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=HEAD_TIMEOUT_SECONDS + 20) as connection:
        for number, part in enumerate(parts):
            if number:
                time.sleep(pause)
            connection.sendall(part)
        return read_all(connection)


def read_all(connection):
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def test_clients_that_send_nothing_or_half_a_request_do_not_delay_others(server):
    halves = [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
              b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
              b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT"]  # fmt: skip
    with contextlib.ExitStack() as opened:
        for half in halves * 10:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", server), timeout=60))
            connection.sendall(half)
        for _ in range(10):
            started = time.monotonic()
            assert b"0 bytes" in ask(server, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert time.monotonic() - started < 5, "a thread that waits for them waits ten"


def test_more_connections_than_are_allowed_close_the_longest_waiting(server):
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(socket.create_connection(("127.0.0.1", server), timeout=60)) for _ in range(150)]
        assert b"0 bytes" in ask(server, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read_all(idle[0]) == b""


def test_clients_that_do_not_close_do_not_delay_others(server):
    with contextlib.ExitStack() as opened:
        for _ in range(20):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", server), timeout=60))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        started = time.monotonic()
        assert b"0 bytes" in ask(server, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert time.monotonic() - started < 5, "a thread that waits for them waits ten"


def test_clients_that_do_not_read_a_page_do_not_delay_others(server):
    with contextlib.ExitStack() as opened:
        for _ in range(10):
            connection = opened.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect(("127.0.0.1", server))
            connection.sendall(b"GET /?100000 HTTP/1.1\r\nHost: a\r\n\r\n")
        started = time.monotonic()
        assert b"0 bytes" in ask(server, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert time.monotonic() - started < 5, "a thread that waits for them waits ten"


def test_a_request_may_come_in_parts(server):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n"
    assert b"6 bytes" in ask(server, b"POST / HT", b"TP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Le",
                             b"ngth: 6\r\n\r\nabc", b"def", pause=0.05)  # fmt: skip
    chunked = head.replace(b"Content-Length: 6", b"Transfer-Encoding: chunked") + b"\r\n"
    assert b"6 bytes" in ask(server, chunked, b"3\r\nabc\r\n3", b"\r\ndef\r", b"\n0\r\n", b"\r\n", pause=0.05)
    answer = ask(server, head + b"Expect: 100-continue\r\n\r\n", b"abcdef", pause=0.2)
    assert answer.count(b"100 Continue") == 1
    assert answer.startswith(b"HTTP/1.1 100")
    assert b"6 bytes" in answer


def test_kept_and_pipelined_requests_are_answered_in_order(server):
    one = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
    requests = b"".join(one % (n, b"x" * n) for n in range(20))
    answer = ask(server, requests, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", pause=0.1)
    assert re.findall(rb"(\d+) bytes", answer) == [b"%d" % n for n in range(20)] + [b"0"]
    apart = [one % (n, b"x" * n) for n in range(3)]
    answer = ask(server, *apart, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", pause=0.1)
    assert re.findall(rb"(\d+) bytes", answer) == [b"0", b"1", b"2", b"0"]


def test_body_beyond_what_is_buffered_never_becomes_another_request(server):
    head = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"
    answer = ask(server, head + b"GET /?7 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000, b"431"),
    ],
    ids=["nonsense", "two hosts", "two lengths", "long head"],
)
def test_malformed_requests_are_answered_and_the_connection_closed(server, request_bytes, status):
    assert ask(server, request_bytes).split(b" ", 2)[1] == status


@pytest.mark.slow
def test_incomplete_requests_are_closed_when_their_time_is_over(server):
    started = time.monotonic()
    assert ask(server, b"GET / HT") == b""
    assert HEAD_TIMEOUT_SECONDS <= time.monotonic() - started + 0.1 < HEAD_TIMEOUT_SECONDS + 2
