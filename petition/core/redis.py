"""One Redis client per process, that fails fast: nothing here may hold up a signer."""

from typing import Any, cast

import redis
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from petition.core.redis_sentinel import SCHEME, parse_sentinel_url

TIMEOUT_SECONDS = 0.25  # seconds, to connect and for a reply


def get_client() -> "redis.Redis":
    """Return the process's client; its calls raise `redis.RedisError` within two timeouts, and one a Sentinel."""
    found: redis.Redis = current_app.extensions["petition.redis"]
    return found


def execute_command(*words: Any) -> Any:
    """Send one command and return its answer as Redis gives it: for what every signer waits for.

    Without what a client does around each: it measures, and is ready to try again. Raises `redis.RedisError` as soon.
    """
    pool = get_client().connection_pool
    connection: Any = pool.get_connection()
    try:
        connection.send_command(*words)
        return connection.read_response()
    finally:
        pool.release(connection)


def create_client(url: str) -> "redis.Redis":
    """Return a client of a server, or of the primary that Sentinels name; it connects on first use, and asks once."""
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    if not url.startswith(SCHEME):
        return redis.Redis.from_url(url, health_check_interval=0, **options)
    # redis-py's Sentinel carries no types.
    watched, watching = parse_sentinel_url(url), cast("Any", Sentinel)
    sentinels = watching(watched.sentinels, sentinel_kwargs=options, **options, **watched.login)
    found: redis.Redis = sentinels.master_for(watched.name, db=watched.database)
    return found


def init_app(app: Flask) -> None:
    """Prepare the client."""
    app.extensions["petition.redis"] = create_client(app.config["REDIS_URL"])
