"""Count events against limits, all of them in one round trip to Redis."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from limits import RateLimitItem
from redis.exceptions import NoScriptError

from petition.core.redis import execute_command, get_client

# A window that slides: what was counted in the window before still counts, by the share of it that has not passed yet
# (Cloudflare, "How we built rate limiting capable of scaling to millions of domains", 2017). Each limit has as keys the
# counters of both windows, and as arguments its most, its length in seconds, and that share.
COUNT_SCRIPT = """
for i = 1, #KEYS / 2 do
    local most, length, share = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local now = tonumber(redis.call('GET', KEYS[2 * i - 1]) or 0)
    local before = tonumber(redis.call('GET', KEYS[2 * i]) or 0)
    if now + before * share >= most then return {i, now, before} end
    if redis.call('INCR', KEYS[2 * i - 1]) == 1 then redis.call('EXPIRE', KEYS[2 * i - 1], 2 * length) end
end
return {0, 0, 0}
"""
COUNT_SCRIPT_SHA1 = hashlib.sha1(
    COUNT_SCRIPT.encode(), usedforsecurity=False
).hexdigest()  # by which Redis knows a script


class RateLimitEvent(NamedTuple):
    """Something that somebody does, as one limit sees it; `key` is whoever is limited, and no personal data."""

    scope: str
    key: str
    limit: RateLimitItem


class ExceededLimit(NamedTuple):
    """A limit that is reached, and the seconds until it lets one more pass."""

    event: RateLimitEvent
    retry_after_seconds: float


def count_events(events: Sequence[RateLimitEvent]) -> ExceededLimit | None:
    """Count each event in turn, up to the first whose limit is reached, and return that one.

    One round trip. Raises `redis.RedisError`.
    """
    now = time.time()
    keys: list[str] = []
    values: list[float] = []
    for scope, key, limit in events:
        length = limit.get_expiry()
        window, passed = divmod(now, length)
        keys += [f"petition:limit:{scope}:{key}:{length}:{window - back:.0f}" for back in (0, 1)]
        values += [limit.amount, length, 1 - passed / length]
    found, counted, before = _eval_script([*keys, *values], len(keys))
    if not found:
        return None
    most, seconds, share = values[3 * found - 3 : 3 * found]
    # What is counted now weighs all of this window; what was before, less with each second.
    return ExceededLimit(events[found - 1], seconds * (share - (most - counted) / before if counted < most else share))


def _eval_script(asked: Sequence[Any], keys: int) -> Any:
    try:
        return execute_command("EVALSHA", COUNT_SCRIPT_SHA1, keys, *asked)
    except NoScriptError:
        return get_client().eval(COUNT_SCRIPT, keys, *asked)
