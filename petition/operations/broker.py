"""Look at the broker: a hint, never the truth, but rings that pile up say that no worker listens."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from flask import current_app
from kombu import Connection  # type: ignore[attr-defined]
from kombu.exceptions import OperationalError

from petition.core.redis import TIMEOUT
from petition.delivery.lanes import QUEUES

# kombu keeps a Redis list for each step of priority; the first has the queue's own name.
PRIORITIES = ("", "\x06\x163", "\x06\x166", "\x06\x169")


@dataclass(frozen=True)
class Broker:
    """What the broker holds. `error` says why nothing else is known; `policy` and memory only for Redis."""

    error: str | None = None
    depths: dict[str, int] | None = None
    unacknowledged: int | None = None
    oldest_ring_at: datetime | None = None
    memory: int | None = None  # bytes
    memory_limit: int | None = None  # bytes, 0 without one
    policy: str | None = None

    @property
    def may_evict(self) -> bool:
        """Whether rings may be dropped when memory is short: only `noeviction` keeps them."""
        return self.policy not in (None, "noeviction")


def look() -> Broker:
    """Return what the broker holds; never raises, and takes at most about a second."""
    url = current_app.config["BROKER_URL"]
    try:
        return _redis(url) if url.startswith(("redis", "unix")) else _amqp(url)
    except (redis.RedisError, OperationalError, OSError) as error:
        return Broker(error=type(error).__name__)


def _redis(url: str) -> Broker:
    client = _client(url)
    keys = [(queue, f"{queue}{step}") for queue in QUEUES for step in PRIORITIES]
    with client.pipeline(transaction=False) as pipe:
        for _, key in keys:
            pipe.llen(key)
        for _, key in keys:
            pipe.lindex(key, -1)
        pipe.hlen("unacked")
        pipe.info("memory")
        answers: list[Any] = pipe.execute()
    depths = dict.fromkeys(QUEUES, 0)
    for (queue, _), length in zip(keys, answers, strict=False):
        depths[queue] += length
    memory = answers[-1]
    rung = [at for message in answers[len(keys) : -2] if message and (at := _published(message))]
    return Broker(
        depths=depths,
        unacknowledged=answers[-2],
        oldest_ring_at=min(rung, default=None),
        memory=memory.get("used_memory"),
        memory_limit=memory.get("maxmemory"),
        policy=memory.get("maxmemory_policy"),
    )


def _client(url: str) -> "redis.Redis":
    clients = current_app.extensions.setdefault("petition.broker", {})
    if url not in clients:
        clients[url] = redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=None)
    found: redis.Redis = clients[url]
    return found


def _published(message: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(json.loads(message)["headers"]["published_at"], UTC)
    except (ValueError, KeyError, TypeError):
        return None


def _amqp(url: str) -> Broker:
    # kombu carries no types.
    connect: Any = Connection
    with connect(url, connect_timeout=TIMEOUT) as connection:
        channel: Any = connection.channel()
        depths = {queue: channel.queue_declare(queue, passive=True).message_count for queue in QUEUES}
    return Broker(depths=depths)
