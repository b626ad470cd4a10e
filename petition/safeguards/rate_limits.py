"""Limits per network, answered with 429, and per address, which nobody hears of."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any

import structlog
from flask import current_app, g, request
from limits import RateLimitItemPerHour, parse_many
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.hashing import keyed_hashes
from petition.safeguards.email_addresses import canonicalize
from petition.safeguards.ip_networks import find_network, hash_network
from petition.safeguards.rate_limiter import RateLimitEvent, count_events

EMAILS_PER_ADDRESS_LIMIT = RateLimitItemPerHour(20)
MAX_ADDRESS_CHARACTERS = 320  # characters of an address

log = structlog.get_logger(__name__)
breaker = CircuitBreaker(5.0)
parse_limits = lru_cache(parse_many)


def client_network_hash() -> str:
    """Return a keyed hash of the client's network (IPv4 /24, IPv6 /56): Redis holds no personal data."""
    found = find_network(request.remote_addr or "", ipv6_bits=56)
    return hash_network(found)[0] if found else "unknown"


def stored_network_hash() -> str | None:
    """Return a keyed hash of the network that a request came from (IPv4 /24, IPv6 /48), to be kept with a signature."""
    found = find_network(request.remote_addr or "")
    return hash_network(found)[0] if found else None


def rate_limited(
    scope: str, limits: str | Callable[[], str], key: Callable[[], str] = client_network_hash
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Limit the POSTs to a view; views of one scope share its limits.

    `limits`: such as `30/minute;300/hour`. Whoever is over one is answered 429 with `Retry-After`; other answers say
    nothing of limits, as all must be the same. When Redis cannot be reached there are none: people can sign.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if request.method == "POST":
                _enforce_limits(_limit_events(scope, key(), limits if isinstance(limits, str) else limits()))
            return view(*args, **kwargs)

        return guarded

    return decorate


limit_token_posts = rate_limited("follow", "120/minute")


def limit_signing(typed: Callable[[], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Limit the signatures from one network, and slow down those with one address, silently (`address_was_busy`).

    `typed` returns the address that the request names, whatever it is. Both are counted in one round trip, and with
    every request, sound or not.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            events = _limit_events("sign", client_network_hash(), ";".join(current_app.config["PETITION_SIGN_LIMIT"]))
            address = typed()
            g.address_was_busy = _enforce_limits(events, [_address_event(address)] if isinstance(address, str) else [])
            return view(*args, **kwargs)

        return guarded

    return decorate


def address_limit_exceeded() -> bool:
    """Say whether the address that this request signs with had more than an hour's share of emails already."""
    return bool(g.get("address_was_busy"))


def count_address_email(address: str) -> bool:
    """Count one email owed to an address and say whether that is more than an hour's share, over all petitions."""
    return _enforce_limits([], [_address_event(address)])


def _limit_events(scope: str, key: str, limits: str) -> list[RateLimitEvent]:
    return [RateLimitEvent(scope, key, limit) for limit in parse_limits(limits)]


def _address_event(address: str) -> RateLimitEvent:
    """Return an email to an address, in any of its spellings.

    What follows a + is left aside here: most providers deliver it to the same person.
    """
    local, _at, domain = address[:MAX_ADDRESS_CHARACTERS].strip().rpartition("@")
    mailbox = canonicalize(local.split("+", 1)[0] or local, domain)
    return RateLimitEvent("address", keyed_hashes("address", mailbox)[0], EMAILS_PER_ADDRESS_LIMIT)


def _enforce_limits(limited: list[RateLimitEvent], slowed: Sequence[RateLimitEvent] = ()) -> bool:
    """Count events; returns whether one of the `slowed` is over its limit. Raises `TooManyRequests` for the others.

    When Redis cannot be reached nobody is over anything: people can sign.
    """
    if breaker.is_open():
        return False
    try:
        over = count_events([*limited, *slowed])
    except (RedisError, OSError) as error:
        breaker.trip()
        log.warning("the limits cannot reach Redis: people can sign, without limits", error=type(error).__name__)
        return False
    if over and over.event not in slowed:
        raise TooManyRequests(retry_after=max(1, math.ceil(over.retry_after_seconds)))
    return over is not None
