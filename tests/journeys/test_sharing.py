"""Connections that a proxy keeps are shared out among the web processes."""

import socket
from contextlib import ExitStack

import psutil
import pytest
from ports import free_port
from running import wait_for

pytestmark = pytest.mark.journey
KEPT, ROUNDS = 16, 5
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def held(parts, port):
    """Return how many connections each web process holds."""
    family = psutil.Process(parts.running["web"].pid).children()
    return [
        sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port for c in process.net_connections("tcp"))
        for process in family
    ]


def test_no_process_is_left_with_nothing_to_do(parts):
    port = free_port()
    parts.start("web", "gunicorn", "--config", "python:petition.embedded.gunicorn_conf", "--bind",
                f"127.0.0.1:{port}", "--keep-alive", "60", "wsgi:app")  # fmt: skip

    def answers():
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(REQUEST)
            return b"200" in connection.recv(4096)

    wait_for(lambda: _tried(answers), 30, "the web")
    for _ in range(ROUNDS):
        wait_for(lambda: sum(held(parts, port)) == 0, 10, "an end of the connections before")
        with ExitStack() as stack:
            opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(KEPT)]
            for connection in opened:
                connection.sendall(REQUEST)
            assert all(b"200" in connection.recv(4096) for connection in opened)
            shares = held(parts, port)
        assert sum(shares) == KEPT
        assert min(shares) >= KEPT / len(shares) / 2, "one process took nearly all"


def _tried(answers):
    try:
        return answers()
    except OSError:
        return False
