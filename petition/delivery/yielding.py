"""Yield to a queue with priority: its workers announce that they are sending, and other queues slow down meanwhile.

The announcement is a key in Redis, as the workers of two queues may run on two hosts. Without Redis nobody slows down.
Measured (docs/decisions/0028): under a mailing, the p95 of a confirmation is 13.5 ms with yielding and 15.5 to 18 ms
without; a mailing beside a fast mail server sends 1,300 to 1,400 emails a second while people sign, and 2,700 to 3,000
otherwise.
"""

import time

import redis

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.redis import get_client
from petition.delivery.queues import Queue

PRIORITY_TTL_SECONDS = 10
YIELD_FACTOR = 8.0  # seconds of waiting for each second of processor time
CIRCUIT_OPEN_SECONDS = 5.0
breaker = CircuitBreaker(CIRCUIT_OPEN_SECONDS)


def announce_sending(queue: Queue) -> None:
    """Announce that emails of a queue with priority were sent just now. Never raises."""
    if queue.has_priority and not breaker.is_open():
        try:
            get_client().set(_key(queue.name), 1, ex=PRIORITY_TTL_SECONDS)
        except (redis.RedisError, OSError):
            breaker.trip()


def must_yield(queue: Queue) -> bool:
    """Return whether emails with priority over a queue were sent within `PRIORITY_TTL_SECONDS`. Never raises."""
    if not queue.yields_to or breaker.is_open():
        return False
    try:
        return bool(get_client().exists(_key(queue.yields_to)))
    except (redis.RedisError, OSError):
        breaker.trip()
        return False


class Throttle:
    """Slows down the current thread: it waits for a multiple of the processor time that it used.

    Not of the elapsed time: while a thread waits for a slow mail server, the processor is free already.
    """

    def __init__(self, queue: Queue) -> None:
        self.must_yield = must_yield(queue)
        self.waited_seconds = 0.0
        self._cpu_seconds = time.thread_time()

    def wait(self) -> None:
        """Wait in proportion to the processor time used since the last wait."""
        seconds = YIELD_FACTOR * (time.thread_time() - self._cpu_seconds)
        time.sleep(seconds)
        self.waited_seconds += seconds
        self._cpu_seconds = time.thread_time()


def _key(queue: str) -> str:
    return f"petition:sending:{queue}"
