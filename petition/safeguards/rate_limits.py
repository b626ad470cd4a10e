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
from petition.safeguards.ip_networks import IPV4_PREFIX_LENGTH, find_network, hash_network, parse_ip_address
from petition.safeguards.rate_limiter import RateLimitEvent, count_events

View = Callable[..., Any]

log = structlog.get_logger(__name__)
breaker = CircuitBreaker(5.0)
parse_limits = lru_cache(parse_many)
# Signatures of a network, while a petition asks for a proof of work, by those whose browsers cannot do it.
UNCHECKED_SIGN_LIMIT = "10/hour"
# IPv6: the lengths of the networks that are counted together, and how many times the limit of a /56 each may reach. A
# household has a /56 or less (RIPE-690); a /48 costs nothing, and would otherwise have 256 limits of its own. Four, as
# a burst at the seam of two windows passes twice a limit: 2 × 4 × 30 signatures a minute are fewer than 256.
IPV6_LIMIT_FACTORS = ((56, 1), (48, 4), (32, 32))


def stored_network_hash() -> str | None:
    """Return a keyed hash of the client's network (IPv4 /24, IPv6 /48), to be stored with a signature."""
    return next(iter(network_hashes()), None)


def network_hashes() -> list[str]:
    """Return the keyed hashes of the client's network that a stored one may be equal to; none without a network."""
    network = find_network(request.remote_addr or "")
    return hash_network(network) if network else []


def rate_limited(scope: str, limits: str | Callable[[], str]) -> Callable[[View], View]:
    """Return a decorator that limits the POST requests of a network to a view; views with one scope share its limits.

    `limits`: such as `30/minute;300/hour`. Above a limit the answer is 429 with `Retry-After`; other responses do not
    mention limits, as they must be uniform. Without Redis nothing is limited, so that people can sign.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def limited_view(*args: Any, **kwargs: Any) -> Any:
            if request.method == "POST":
                enforce_limits(_make_events(scope, limits if isinstance(limits, str) else limits()))
            return view(*args, **kwargs)

        return limited_view

    return decorate


limit_token_posts = rate_limited("follow", "120/minute")
limit_signing = rate_limited("sign", lambda: ";".join(current_app.config["PETITION_SIGN_LIMIT"]))


def count_unchecked_signing() -> None:
    """Count one signature without a proof of work where one is asked for. Raises `TooManyRequests` beyond the limit."""
    enforce_limits(_make_events("sign unchecked", UNCHECKED_SIGN_LIMIT))


def _make_events(scope: str, limits: str) -> list[RateLimitEvent]:
    return [
        RateLimitEvent(scope, network, limit)
        for network, factor in list_limited_networks()
        for limit in _multiply_limits(limits, factor)
    ]


def list_limited_networks() -> list[tuple[str, int]]:
    """Return the client's networks, each with its factor: one IPv4 /24; for IPv6 several, the narrowest first.

    They are keyed hashes: Redis stores no personal data.
    """
    address = parse_ip_address(request.remote_addr or "")
    if address is None:
        return [("unknown", 1)]
    lengths = IPV6_LIMIT_FACTORS if address.version == 6 else ((IPV4_PREFIX_LENGTH, 1),)
    networks = [(find_network(str(address), ipv6_bits=bits) or "", factor) for bits, factor in lengths]
    return [(hash_network(network)[0], factor) for network, factor in networks]


@lru_cache
def _multiply_limits(limits: str, factor: int) -> list[RateLimitItem]:
    return [type(limit)(limit.amount * factor, limit.multiples) for limit in parse_limits(limits)]


def enforce_limits(events: Sequence[RateLimitEvent]) -> None:
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
