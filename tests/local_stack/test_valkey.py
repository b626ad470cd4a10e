"""Local Valkey: it answers on the given port, preserves its data, and evicts nothing."""

import random
import socket
from pathlib import Path

import pytest
import redis

from petition.local_stack.ports import choose_port
from petition.local_stack.processes import LocalStackError
from petition.local_stack.valkey import Valkey


@pytest.fixture
def port() -> int:
    return choose_port(random.randrange(20_000, 30_000))


def test_it_keeps_data_over_a_stop_on_the_same_port(tmp_path: Path, port: int) -> None:
    valkey = Valkey(tmp_path, port)
    assert valkey.start() == f"redis://127.0.0.1:{port}/0"
    with redis.Redis.from_url(valkey.url) as client:
        client.rpush("queue", "one")
        valkey.stop()
        with pytest.raises(redis.ConnectionError):
            redis.Redis.from_url(valkey.url).ping()
        valkey.start()
        assert client.lrange("queue", 0, -1) == [b"one"]
    valkey.stop()
    assert not valkey.is_running()


def test_its_settings(tmp_path: Path, port: int) -> None:
    with Valkey(tmp_path, port) as valkey, redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "save", "bind", "protected-mode")
        assert settings == {
            "maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec", "save": "",
            "bind": "127.0.0.1", "protected-mode": "yes",
        }  # fmt: skip


def test_another_server_on_its_port_is_not_taken_for_it(tmp_path: Path, port: int) -> None:
    with Valkey(tmp_path / "one", port), pytest.raises(LocalStackError, match="valkey did not start"):
        Valkey(tmp_path / "two", port).start()


def test_a_port_in_use_is_not_chosen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert choose_port(taken.getsockname()[1]) != taken.getsockname()[1]
