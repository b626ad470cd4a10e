"""Leave room: a queue says that its emails are leaving, and one that gives way to it goes more slowly meanwhile.

By Redis, as workers of two queues may run on two hosts. Where it does not answer, nobody waits for anybody.
"""

import time

import redis

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.redis import get_client
from petition.delivery.queues import Queue

PRIORITY_TTL_SECONDS = 10  # seconds
YIELD_FACTOR = 8.0  # times as long as a thread has had a processor
breaker = CircuitBreaker(5.0)


def announce_sending(queue: Queue) -> None:
    """Say that emails of a queue left just now. Never raises."""
    if queue.has_priority and not breaker.is_open():
        try:
            get_client().set(_key(queue.name), 1, ex=PRIORITY_TTL_SECONDS)
        except (redis.RedisError, OSError):
            breaker.trip()


def must_yield(queue: Queue) -> bool:
    """Say whether emails that a queue gives way to left in the last `LATELY` seconds. Never raises."""
    if not queue.yields_to or breaker.is_open():
        return False
    try:
        return bool(get_client().exists(_key(queue.yields_to)))
    except (redis.RedisError, OSError):
        breaker.trip()
        return False


class Throttle:
    """How a thread that leaves room goes: it rests for a multiple of the time that it had a processor.

    Not of the time that passed: where that is spent waiting for a mail server, room is left already.
    """

    def __init__(self, queue: Queue) -> None:
        self.must_yield = must_yield(queue)
        self.waited_seconds = 0.0  # seconds
        self._cpu_seconds = time.thread_time()

    def wait(self) -> None:
        """Rest for what the thread did since it last rested."""
        seconds = YIELD_FACTOR * (time.thread_time() - self._cpu_seconds)
        time.sleep(seconds)
        self.waited_seconds += seconds
        self._cpu_seconds = time.thread_time()


def _key(queue: str) -> str:
    return f"petition:sending:{queue}"
