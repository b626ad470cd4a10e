"""One Redis client per process, with short timeouts and no retries: signing must not wait for Redis."""

from typing import Any, cast

import redis
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from petition.core.redis_sentinel import SCHEME, parse_sentinel_url

TIMEOUT_SECONDS = 0.25  # to connect, and for a reply


def get_client() -> "redis.Redis":
    """Return the client. Calls raise `redis.RedisError` within two timeouts, plus one for each Sentinel."""
    client: redis.Redis = current_app.extensions["petition.redis"]
    return client


def execute_command(*arguments: Any) -> Any:
    """Send one command and return Redis's raw reply, without the client's metrics and retry handling (hot path).

    Raises `redis.RedisError` within the same timeouts.
    """
    pool = get_client().connection_pool
    connection: Any = pool.get_connection()
    try:
        connection.send_command(*arguments)
        return connection.read_response()
    finally:
        pool.release(connection)


def create_client(url: str) -> "redis.Redis":
    """Return a client of a server, or of the primary behind Sentinels. It connects on first use and never retries."""
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    if not url.startswith(SCHEME):
        return redis.Redis.from_url(url, health_check_interval=0, **options)
    parsed = parse_sentinel_url(url)
    # redis-py's Sentinel is untyped.
    sentinels = cast("Any", Sentinel)(parsed.sentinels, sentinel_kwargs=options, **options, **parsed.login)
    client: redis.Redis = sentinels.master_for(parsed.name, db=parsed.database)
    return client


def init_app(app: Flask) -> None:
    """Create the client of REDIS_URL."""
    app.extensions["petition.redis"] = create_client(app.config["REDIS_URL"])
