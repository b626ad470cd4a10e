"""Create Redis clients, without the application."""

from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from petition.core.redis_sentinel import SCHEME, parse_sentinel_url

TIMEOUT_SECONDS = 0.25  # to connect, and for a reply


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
