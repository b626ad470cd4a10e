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

from petition.core.breaker import Breaker
from petition.core.hashing import keyed_hashes
from petition.safeguards.addresses import canonical
from petition.safeguards.networks import network_hashes, network_of
from petition.safeguards.rates import Event, count

ADDRESS_LIMIT = RateLimitItemPerHour(20)
LONGEST = 320  # characters of an address

log = structlog.get_logger(__name__)
breaker = Breaker(5.0)
read = lru_cache(parse_many)


def network() -> str:
    """Return a keyed hash of the client's network (IPv4 /24, IPv6 /56): Redis holds no personal data."""
    found = network_of(request.remote_addr or "", ipv6_bits=56)
    return network_hashes(found)[0] if found else "unknown"


def home_network() -> str | None:
    """Return a keyed hash of the network that a request came from (IPv4 /24, IPv6 /48), to be kept with a signature."""
    found = network_of(request.remote_addr or "")
    return network_hashes(found)[0] if found else None


def limited(
    scope: str, limits: str | Callable[[], str], key: Callable[[], str] = network
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Limit the POSTs to a view; views of one scope share its limits.

    `limits`: such as `30/minute;300/hour`. Whoever is over one is answered 429 with `Retry-After`; other answers say
    nothing of limits, as all must be the same. When Redis cannot be reached there are none: people can sign.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if request.method == "POST":
                _admit(_events(scope, key(), limits if isinstance(limits, str) else limits()))
            return view(*args, **kwargs)

        return guarded

    return decorate


following = limited("follow", "120/minute")


def signing(typed: Callable[[], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Limit the signatures from one network, and slow down those with one address, silently (`address_was_busy`).

    `typed` returns the address that the request names, whatever it is. Both are counted in one round trip, and with
    every request, sound or not.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            events = _events("sign", network(), ";".join(current_app.config["PETITION_SIGN_LIMIT"]))
            address = typed()
            g.address_was_busy = _admit(events, [_owed(address)] if isinstance(address, str) else [])
            return view(*args, **kwargs)

        return guarded

    return decorate


def address_was_busy() -> bool:
    """Say whether the address that this request signs with had more than an hour's share of emails already."""
    return bool(g.get("address_was_busy"))


def address_is_busy(address: str) -> bool:
    """Count one email owed to an address and say whether that is more than an hour's share, over all petitions."""
    return _admit([], [_owed(address)])


def _events(scope: str, key: str, limits: str) -> list[Event]:
    return [Event(scope, key, limit) for limit in read(limits)]


def _owed(address: str) -> Event:
    """Return an email to an address, in any of its spellings.

    What follows a + is left aside here: most providers deliver it to the same person.
    """
    local, _at, domain = address[:LONGEST].strip().rpartition("@")
    mailbox = canonical(local.split("+", 1)[0] or local, domain)
    return Event("address", keyed_hashes("address", mailbox)[0], ADDRESS_LIMIT)


def _admit(limited: list[Event], slowed: Sequence[Event] = ()) -> bool:
    """Count events; returns whether one of the `slowed` is over its limit. Raises `TooManyRequests` for the others.

    When Redis cannot be reached nobody is over anything: people can sign.
    """
    if breaker.is_open():
        return False
    try:
        over = count([*limited, *slowed])
    except (RedisError, OSError) as error:
        breaker.trip()
        log.warning("the limits cannot reach Redis: people can sign, without limits", error=type(error).__name__)
        return False
    if over and over.event not in slowed:
        raise TooManyRequests(retry_after=max(1, math.ceil(over.wait)))
    return over is not None
