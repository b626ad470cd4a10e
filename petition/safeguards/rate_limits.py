"""Rate limits: per network, answered with 429; per email address, enforced silently."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any

import structlog
from flask import current_app, g, request
from limits import RateLimitItem, RateLimitItemPerHour, parse_many
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.hashing import keyed_hashes
from petition.safeguards.email_addresses import canonicalize
from petition.safeguards.ip_networks import find_network, hash_network, parse_ip_address
from petition.safeguards.rate_limiter import RateLimitEvent, count_events

EMAILS_PER_ADDRESS_LIMIT = RateLimitItemPerHour(20)
MAX_ADDRESS_CHARACTERS = 320

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


def limit_signing(read_address: Callable[[], Any]) -> Callable[[View], View]:
    """Limit signatures per network (429), and note whether the email address is above its limit.

    `read_address` returns the address in the request, of any type. Both are counted in one round trip, for valid and
    invalid requests alike. The result for the address is returned by `address_limit_exceeded`.
    """

    def check() -> None:
        events = _network_events("sign", ";".join(current_app.config["PETITION_SIGN_LIMIT"]))
        address = read_address()
        silent_events = [_address_event(address)] if isinstance(address, str) else []
        g.address_limit_exceeded = _enforce_limits(events, silent_events)

    return _before_view(check)


def address_limit_exceeded() -> bool:
    """Return whether `limit_signing` found more emails to the address of this request than an hour allows."""
    return bool(g.get("address_limit_exceeded"))


def count_address_email(address: str) -> bool:
    """Count one email to an address, over all petitions, and return whether it exceeds `EMAILS_PER_ADDRESS_LIMIT`."""
    return _enforce_limits([], [_address_event(address)])


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


def _address_event(address: str) -> RateLimitEvent:
    """Return the event of an email to an address, in any spelling.

    What follows a + is ignored for every domain here: most providers deliver it to the same person.
    """
    local, _at, domain = address[:MAX_ADDRESS_CHARACTERS].strip().rpartition("@")
    mailbox = canonicalize(local.split("+", 1)[0] or local, domain)
    return RateLimitEvent("address", keyed_hashes("address", mailbox)[0], EMAILS_PER_ADDRESS_LIMIT)


def _enforce_limits(events: list[RateLimitEvent], silent_events: Sequence[RateLimitEvent] = ()) -> bool:
    """Count all events. Raise `TooManyRequests` for one of `events`, return True for one of `silent_events`.

    Returns False without Redis.
    """
    if breaker.is_open():
        return False
    try:
        exceeded = count_events([*events, *silent_events])
    except (RedisError, OSError) as error:
        breaker.trip()
        log.warning("rate limits disabled: Redis is unreachable", error=type(error).__name__)
        return False
    if exceeded and exceeded.event not in silent_events:
        raise TooManyRequests(retry_after=max(1, math.ceil(exceeded.retry_after_seconds)))
    return exceeded is not None
