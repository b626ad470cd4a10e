"""Read message counts and memory of the broker (Redis or RabbitMQ).

The `deliveries` table says what waits; messages that pile up here say that no worker listens.
"""

import importlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import redis

from petition.core.redis_client import create_client
from petition.delivery.queues import QUEUE_NAMES

# kombu has one Redis list for each priority of a queue; the first has the queue's own name.
PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")


@dataclass(frozen=True)
class BrokerStats:
    """What the broker reports. `error` is set where it did not answer; RabbitMQ reports `depths` only."""

    error: str | None = None
    depths: dict[str, int] | None = None
    unacknowledged: int | None = None
    oldest_wakeup_at: datetime | None = None
    memory: int | None = None  # bytes
    memory_limit: int | None = None  # bytes, 0 without one
    policy: str | None = None

    @property
    def may_evict(self) -> bool:
        """Whether messages may be evicted when memory is full: under every policy but `noeviction`."""
        return self.policy not in (None, "noeviction")


def read_broker_stats(url: str) -> BrokerStats:
    """Return what the broker of a URL reports; never raises, and takes at most about a second."""
    if url.startswith("amqp"):
        # Imported for RabbitMQ only: `petition queue check` is to be quick.
        depths, error = importlib.import_module("petition.operations.statistics.rabbitmq").read_depths(url)
        return BrokerStats(error=error, depths=depths)
    try:
        return _read_redis(url)
    except (redis.RedisError, OSError) as error:
        return BrokerStats(error=type(error).__name__)


def _read_redis(url: str) -> BrokerStats:
    client = _get_client(url)
    keys = [(queue, f"{queue}{suffix}") for queue in QUEUE_NAMES for suffix in PRIORITY_SUFFIXES]
    with client.pipeline(transaction=False) as pipeline:
        for _, key in keys:
            pipeline.llen(key)
        for _, key in keys:
            pipeline.lindex(key, -1)
        pipeline.hlen("unacked")
        pipeline.info("memory")
        answers: list[Any] = pipeline.execute()
    depths = dict.fromkeys(QUEUE_NAMES, 0)
    for (queue, _), length in zip(keys, answers, strict=False):
        depths[queue] += length
    memory = answers[-1]
    published = [at for message in answers[len(keys) : -2] if message and (at := _parse_published_at(message))]
    return BrokerStats(
        depths=depths,
        unacknowledged=answers[-2],
        oldest_wakeup_at=min(published, default=None),
        memory=memory.get("used_memory"),
        memory_limit=memory.get("maxmemory"),
        policy=memory.get("maxmemory_policy"),
    )


_get_client = cache(create_client)  # one for each URL


def _parse_published_at(message: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(json.loads(message)["headers"]["published_at"], UTC)
    except (ValueError, KeyError, TypeError):
        return None
