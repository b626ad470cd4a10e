"""Sliding-window rate limiter: count events against several limits in one round trip to Redis."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from limits import RateLimitItem
from redis.exceptions import NoScriptError

from petition.core.redis import execute_command, get_client

# Approximate sliding window: the previous window's count is weighted by the share of it that the sliding window still
# covers (Cloudflare, "How we built rate limiting capable of scaling to millions of domains", 2017). Keys of each limit:
# counters of the current and the previous window; arguments: its maximum, its length in seconds, and that share.
COUNT_SCRIPT = """
for i = 1, #KEYS / 2 do
    local max, length, share = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local current = tonumber(redis.call('GET', KEYS[2 * i - 1]) or 0)
    local previous = tonumber(redis.call('GET', KEYS[2 * i]) or 0)
    if current + previous * share >= max then return {i, current, previous} end
    if redis.call('INCR', KEYS[2 * i - 1]) == 1 then redis.call('EXPIRE', KEYS[2 * i - 1], 2 * length) end
end
return {0, 0, 0}
"""
COUNT_SCRIPT_SHA1 = hashlib.sha1(COUNT_SCRIPT.encode(), usedforsecurity=False).hexdigest()  # for EVALSHA


class RateLimitEvent(NamedTuple):
    """An event to count against one limit. `key` identifies who is limited; never personal data."""

    scope: str
    key: str
    limit: RateLimitItem


class ExceededLimit(NamedTuple):
    """A limit that is reached, and the time until it admits one more event."""

    event: RateLimitEvent
    retry_after_seconds: float


def count_events(events: Sequence[RateLimitEvent]) -> ExceededLimit | None:
    """Count events in order and return the first whose limit is reached, which is not counted, nor are those after it.

    One round trip. Raises `redis.RedisError`.
    """
    now = time.time()
    keys: list[str] = []
    arguments: list[float] = []
    for scope, key, limit in events:
        length = limit.get_expiry()
        window, elapsed = divmod(now, length)
        keys += [f"petition:limit:{scope}:{key}:{length}:{window - back:.0f}" for back in (0, 1)]
        arguments += [limit.amount, length, 1 - elapsed / length]
    position, current, previous = _eval_script([*keys, *arguments], len(keys))  # position: from 1, or 0 for none
    if not position:
        return None
    maximum, length_seconds, share = arguments[3 * position - 3 : 3 * position]
    # Until the weighted previous count has fallen enough, or else until the next window starts.
    wait_share = share - (maximum - current) / previous if current < maximum else share
    return ExceededLimit(events[position - 1], length_seconds * wait_share)


def _eval_script(keys_and_arguments: Sequence[Any], key_count: int) -> Any:
    try:
        return execute_command("EVALSHA", COUNT_SCRIPT_SHA1, key_count, *keys_and_arguments)
    except NoScriptError:
        return get_client().eval(COUNT_SCRIPT, key_count, *keys_and_arguments)
