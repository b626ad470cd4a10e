"""Rate limits per network, answered with 429. Emails are limited where they leave (`delivery/budgets.py`)."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any

import structlog
from flask import current_app, request
from limits import RateLimitItem, parse_many
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from petition.core.circuit_breaker import CircuitBreaker
from petition.safeguards.ip_networks import find_network, hash_network, parse_ip_address
from petition.safeguards.rate_limiter import RateLimitEvent, count_events

View = Callable[..., Any]

log = structlog.get_logger(__name__)
breaker = CircuitBreaker(5.0)
parse_limits = lru_cache(parse_many)
# IPv6: the lengths of the networks that are counted together, and how many times the limit of a /56 each may reach. A
# household has a /56 or less (RIPE-690); a /48 costs nothing, and would otherwise have 256 limits of its own.
IPV6_LIMIT_FACTORS = ((56, 1), (48, 8), (32, 64))


def client_network_hash() -> str:
    """Return a keyed hash of the client's network (IPv4 /24, IPv6 /56): Redis stores no personal data."""
    network = find_network(request.remote_addr or "", ipv6_bits=56)
    return hash_network(network)[0] if network else "unknown"


def stored_network_hash() -> str | None:
    """Return a keyed hash of the client's network (IPv4 /24, IPv6 /48), to be stored with a signature."""
    network = find_network(request.remote_addr or "")
    return hash_network(network)[0] if network else None


def _before_view(check: Callable[[], None]) -> Callable[[View], View]:
    """Return a decorator that runs a check before a view."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked_view(*args: Any, **kwargs: Any) -> Any:
            check()
            return view(*args, **kwargs)

        return checked_view

    return decorate


def rate_limited(
    scope: str, limits: str | Callable[[], str], key: Callable[[], str] = client_network_hash
) -> Callable[[View], View]:
    """Limit the POST requests to a view; views with the same scope share its limits.

    `limits`: such as `30/minute;300/hour`. Above a limit the answer is 429 with `Retry-After`; other responses do not
    mention limits, as they must be uniform. Without Redis nothing is limited, so that people can sign.
    """

    def check() -> None:
        if request.method == "POST":
            text = limits if isinstance(limits, str) else limits()
            is_network = key is client_network_hash
            _enforce_limits(_network_events(scope, text) if is_network else _limit_events(scope, key(), text))

    return _before_view(check)


limit_token_posts = rate_limited("follow", "120/minute")
limit_signing = rate_limited("sign", lambda: ";".join(current_app.config["PETITION_SIGN_LIMIT"]))


def _limit_events(scope: str, key: str, limits: str, factor: int = 1) -> list[RateLimitEvent]:
    return [RateLimitEvent(scope, key, limit) for limit in _multiply_limits(limits, factor)]


@lru_cache
def _multiply_limits(limits: str, factor: int) -> list[RateLimitItem]:
    return [type(limit)(limit.amount * factor, limit.multiples) for limit in parse_limits(limits)]


def _network_events(scope: str, limits: str) -> list[RateLimitEvent]:
    """Return an event of the client's network, and for IPv6 of those around it, the narrowest first."""
    address = parse_ip_address(request.remote_addr or "")
    if address is None or address.version == 4:
        return _limit_events(scope, client_network_hash(), limits)
    return [
        event
        for bits, factor in IPV6_LIMIT_FACTORS
        for event in _limit_events(scope, hash_network(find_network(str(address), bits) or "")[0], limits, factor)
    ]


def _enforce_limits(events: Sequence[RateLimitEvent]) -> None:
    """Count all events. Raise `TooManyRequests` if one exceeds its limit; without Redis, none does."""
    if breaker.is_open():
        return
    try:
        exceeded = count_events(events)
    except (RedisError, OSError) as error:
        breaker.trip()
        log.warning("rate limits disabled: Redis is unreachable", error=type(error).__name__)
        return
    if exceeded:
        raise TooManyRequests(retry_after=max(1, math.ceil(exceeded.retry_after_seconds)))
