"""One Redis client per process, that fails fast: nothing here may hold up a signer."""

import redis
from flask import Flask, current_app

TIMEOUT = 0.25  # seconds, to connect and for a reply


def client() -> "redis.Redis":
    """Return the process's client; its calls raise `redis.RedisError` within two timeouts."""
    found: redis.Redis = current_app.extensions["petition.redis"]
    return found


def init_app(app: Flask) -> None:
    """Prepare the client; it connects on first use."""
    app.extensions["petition.redis"] = redis.Redis.from_url(
        app.config["REDIS_URL"],
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=None,
        health_check_interval=0,
    )
