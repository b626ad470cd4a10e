"""One Redis client per process, with short timeouts and no retries: signing must not wait for Redis."""

from typing import Any

import redis
from flask import Flask, current_app

from petition.core.redis_client import create_client


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


def init_app(app: Flask) -> None:
    """Create the client of REDIS_URL."""
    app.extensions["petition.redis"] = create_client(app.config["REDIS_URL"])
