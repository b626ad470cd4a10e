"""Leave room: a lane says that its emails are leaving, and one that gives way to it goes more slowly meanwhile.

By Redis, as workers of two lanes may run on two hosts. Where it cannot be reached, nobody waits for anybody.
"""

import redis

from petition.core.redis import client
from petition.delivery.lanes import Lane

LATELY = 10  # seconds
REST = 3.0  # times as long as a thread has sent for
LONGEST_REST = 0.1  # seconds: where the mail server is slow, it is what leaves room


def take_room(lane: Lane) -> None:
    """Say that emails of a lane left just now. Never raises."""
    if lane.has_way:
        try:
            client().set(_key(lane.name), 1, ex=LATELY)
        except (redis.RedisError, OSError):
            return


def must_leave_room(lane: Lane) -> bool:
    """Say whether emails that a lane gives way to left in the last `LATELY` seconds. Never raises."""
    if not lane.gives_way_to:
        return False
    try:
        return bool(client().exists(_key(lane.gives_way_to)))
    except (redis.RedisError, OSError):
        return False


def rest_after(took: float) -> float:
    """Return how long a thread rests that has sent for some seconds."""
    return min(REST * took, LONGEST_REST)


def _key(lane: str) -> str:
    return f"petition:lately:{lane}"
