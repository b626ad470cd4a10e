"""Limits per network, answered with 429, and per address, which nobody hears of."""

import logging
import math
import re
import time

import structlog
from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from limits import RateLimitItemPerHour

from petition.core.breaker import Breaker
from petition.core.hashing import keyed_hashes
from petition.safeguards.networks import network_hashes, network_of

OPEN_DOOR = "the limiter cannot reach Redis: people can sign, without limits"
ADDRESS_LIMIT = RateLimitItemPerHour(20)

log = structlog.get_logger(__name__)


def network() -> str:
    """Return a keyed hash of the client's network (IPv4 /24, IPv6 /56): Redis holds no personal data."""
    found = network_of(request.remote_addr or "", ipv6_bits=56)
    return network_hashes(found)[0] if found else "unknown"


def home_network() -> str | None:
    """Return a keyed hash of the network that a request came from (IPv4 /24, IPv6 /48), to be kept with a signature."""
    found = network_of(request.remote_addr or "")
    return network_hashes(found)[0] if found else None


breaker = Breaker(5.0)
limiter = Limiter(network, key_prefix="petition", strategy="moving-window")


def sign_limit() -> str:
    """Return the limits on signing from one network, as the settings give them."""
    return ";".join(current_app.config["PETITION_SIGN_LIMIT"])


limiter.request_filter(breaker.is_open)
signing = limiter.shared_limit(sign_limit, scope="sign", methods=["POST"])
following = limiter.shared_limit("120/minute", scope="follow", methods=["POST"])


def address_is_busy(canonical: str) -> bool:
    """Count one email owed to an address and say whether that is more than an hour's share, over all petitions.

    What follows a + is left aside here: most providers deliver it to the same person. When Redis cannot be reached
    nobody is busy: people can sign.
    """
    if breaker.is_open():
        return False
    try:
        return not limiter.limiter.hit(
            ADDRESS_LIMIT, "address", keyed_hashes("address", re.sub(r"\+[^@]*(?=@)", "", canonical))[0]
        )
    except Exception as error:
        breaker.trip()
        log.warning(OPEN_DOOR, error=type(error).__name__)
        return False


def _say_when(response: Response) -> Response:
    """Tell who is over a limit when to come back; other answers say nothing of limits, as all must be the same."""
    limit = limiter.current_limit
    if response.status_code == 429 and limit:
        response.headers["Retry-After"] = str(max(1, math.ceil(limit.window[0] - time.time())))
    return response


def _in_one_line(record: logging.LogRecord) -> bool:
    """Say what a traceback on every request would hide: Redis is gone, and people can sign all the same."""
    if record.exc_info:
        breaker.trip()
        error = record.exc_info[0].__name__ if record.exc_info[0] else "unknown"
        record.msg, record.args, record.exc_info = f"{OPEN_DOOR} ({error})", (), None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def init_app(app: Flask) -> None:
    """Keep the limits in Redis; without Redis let people sign, and say so in the log."""
    app.config.update(
        # The process's own client, wherever REDIS_URL leads: the limiter reads fewer kinds of URL than it does.
        RATELIMIT_STORAGE_URI="redis://",
        RATELIMIT_STORAGE_OPTIONS={"connection_pool": app.extensions["petition.redis"].connection_pool},
        RATELIMIT_SWALLOW_ERRORS=True,
    )
    limiter.init_app(app)
    # Limits stand on views alone, which ask by themselves: the other requests need not be looked at.
    app.before_request_funcs[None].remove(limiter._check_request_limit)
    app.after_request(_say_when)
    logging.getLogger("flask-limiter").addFilter(_in_one_line)
