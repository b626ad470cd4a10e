"""Leave room: a lane says that its emails are leaving, and one that gives way to it goes more slowly meanwhile.

By Redis, as workers of two lanes may run on two hosts. Where it does not answer, nobody waits for anybody.
"""

import time

import redis

from petition.core.breaker import Breaker
from petition.core.redis import client
from petition.delivery.lanes import Lane

LATELY = 10  # seconds
REST = 8.0  # times as long as a thread has had a processor
breaker = Breaker(5.0)


def take_room(lane: Lane) -> None:
    """Say that emails of a lane left just now. Never raises."""
    if lane.has_way and not breaker.is_open():
        try:
            client().set(_key(lane.name), 1, ex=LATELY)
        except (redis.RedisError, OSError):
            breaker.trip()


def must_leave_room(lane: Lane) -> bool:
    """Say whether emails that a lane gives way to left in the last `LATELY` seconds. Never raises."""
    if not lane.gives_way_to or breaker.is_open():
        return False
    try:
        return bool(client().exists(_key(lane.gives_way_to)))
    except (redis.RedisError, OSError):
        breaker.trip()
        return False


class Pace:
    """How a thread that leaves room goes: it rests for a multiple of the time that it had a processor.

    Not of the time that passed: where that is spent waiting for a mail server, room is left already.
    """

    def __init__(self, lane: Lane) -> None:
        self.leaves_room = must_leave_room(lane)
        self.rested = 0.0  # seconds
        self._worked = time.thread_time()

    def rest(self) -> None:
        """Rest for what the thread did since it last rested."""
        seconds = REST * (time.thread_time() - self._worked)
        time.sleep(seconds)
        self.rested += seconds
        self._worked = time.thread_time()


def _key(lane: str) -> str:
    return f"petition:lately:{lane}"
