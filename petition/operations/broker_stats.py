"""Look at the broker: a hint, never the truth, but rings that pile up say that no worker listens."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from amqp import AMQPError, NotFound  # type: ignore[import-untyped]
from flask import current_app
from kombu import Connection  # type: ignore[attr-defined]

from petition.core.redis import TIMEOUT_SECONDS, create_client
from petition.delivery.queues import QUEUE_NAMES

# kombu keeps a Redis list for each step of priority; the first has the queue's own name.
PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")


@dataclass(frozen=True)
class BrokerStats:
    """What the broker holds. `error` says why nothing else is known; RabbitMQ tells the depths alone."""

    error: str | None = None
    depths: dict[str, int] | None = None
    unacknowledged: int | None = None
    oldest_wakeup_at: datetime | None = None
    memory: int | None = None  # bytes
    memory_limit: int | None = None  # bytes, 0 without one
    policy: str | None = None

    @property
    def may_evict(self) -> bool:
        """Whether rings may be dropped when memory is short: only `noeviction` keeps them."""
        return self.policy not in (None, "noeviction")


def read_broker_stats() -> BrokerStats:
    """Return what the broker holds; never raises, and takes at most about a second."""
    url = current_app.config["BROKER_URL"]
    try:
        return _read_amqp(url) if url.startswith("amqp") else _read_redis(url)
    except (redis.RedisError, AMQPError, OSError) as error:
        return BrokerStats(error=type(error).__name__)


def _read_redis(url: str) -> BrokerStats:
    client = _client(url)
    keys = [(queue, f"{queue}{step}") for queue in QUEUE_NAMES for step in PRIORITY_SUFFIXES]
    with client.pipeline(transaction=False) as pipe:
        for _, key in keys:
            pipe.llen(key)
        for _, key in keys:
            pipe.lindex(key, -1)
        pipe.hlen("unacked")
        pipe.info("memory")
        answers: list[Any] = pipe.execute()
    depths = dict.fromkeys(QUEUE_NAMES, 0)
    for (queue, _), length in zip(keys, answers, strict=False):
        depths[queue] += length
    memory = answers[-1]
    rung = [at for message in answers[len(keys) : -2] if message and (at := _published_at(message))]
    return BrokerStats(
        depths=depths,
        unacknowledged=answers[-2],
        oldest_wakeup_at=min(rung, default=None),
        memory=memory.get("used_memory"),
        memory_limit=memory.get("maxmemory"),
        policy=memory.get("maxmemory_policy"),
    )


def _client(url: str) -> "redis.Redis":
    clients = current_app.extensions.setdefault("petition.broker", {})
    if url not in clients:
        clients[url] = create_client(url)
    found: redis.Redis = clients[url]
    return found


def _published_at(message: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(json.loads(message)["headers"]["published_at"], UTC)
    except (ValueError, KeyError, TypeError):
        return None


def _read_amqp(url: str) -> BrokerStats:
    # kombu carries no types.
    open_: Any = Connection
    patience = {"read_timeout": TIMEOUT_SECONDS, "write_timeout": TIMEOUT_SECONDS}
    with open_(url, connect_timeout=TIMEOUT_SECONDS, transport_options=patience) as connection:
        return BrokerStats(depths={queue: _queue_depth(connection, queue) for queue in QUEUE_NAMES})


def _queue_depth(connection: Any, queue: str) -> int:
    # A refusal closes the channel: each queue has its own.
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0  # no worker has ever listened there, and nobody rung
