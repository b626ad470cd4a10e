"""Ring a lane's worker: coalesced, quick, and never in the way of what caused the ring."""

import redis
import structlog
from flask import current_app
from kombu.exceptions import OperationalError

from petition.core.breaker import Breaker
from petition.core.redis import client

DISPATCH = "petition.delivery.tasks.dispatch"
PENDING_FOR = 5  # seconds that one unanswered ring stands for all others
REST = 5.0  # seconds without rings after a failure: beat's sweep does the work meanwhile

log = structlog.get_logger(__name__)


breaker = Breaker(REST)


def ring(lane: str) -> None:
    """Wake a worker of this lane unless a ring is already on its way.

    Never raises, and takes at most about a second, then nothing for `REST`, while the broker cannot be reached.
    """
    if breaker.is_open():
        return
    try:
        if client().set(_flag(lane), 1, nx=True, ex=PENDING_FOR):
            headers = {"published_by": "doorbell"}
            current_app.extensions["celery"].send_task(DISPATCH, args=[lane], queue=lane, headers=headers, retry=False)
    except (redis.RedisError, OperationalError, OSError) as error:
        breaker.trip()
        log.warning("doorbell out of order: beat's sweep takes over", lane=lane, error=type(error).__name__)


def answer(lane: str) -> None:
    """Take the ring as heard: what is posted from now on rings again.

    Called before the claim, so that no row falls between a claim and its ring.
    """
    try:
        client().delete(_flag(lane))
    except (redis.RedisError, OSError):
        log.warning("doorbell out of order: the flag expires by itself", lane=lane)


def _flag(lane: str) -> str:
    return f"petition:rung:{lane}"
