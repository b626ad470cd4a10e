"""Ring a lane's worker: coalesced, quick, and never in the way of what caused the ring."""

import threading
import time

import redis
import structlog
from flask import current_app
from kombu.exceptions import OperationalError

from petition.core.redis import client

DISPATCH = "petition.delivery.tasks.dispatch"
PENDING_FOR = 5  # seconds that one unanswered ring stands for all others
REST = 5.0  # seconds without rings after a failure: beat's sweep does the work meanwhile

log = structlog.get_logger(__name__)


class _Breaker:
    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        """Let one caller through once the rest is over, and keep the others out until that one has fared well."""
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return True
            if self._until:
                self._until = now + REST
            return False

    def trip(self) -> None:
        self._until = time.monotonic() + REST

    def close(self) -> None:
        self._until = 0.0


breaker = _Breaker()


def ring(lane: str) -> None:
    """Wake a worker of this lane unless a ring is already on its way.

    Never raises, and takes at most about a second once, then nothing, while the broker cannot be reached.
    """
    if breaker.is_open():
        return
    try:
        if client().set(_flag(lane), 1, nx=True, ex=PENDING_FOR):
            current_app.extensions["celery"].send_task(DISPATCH, args=[lane], queue=lane, retry=False)
    except (redis.RedisError, OperationalError, OSError) as error:
        breaker.trip()
        log.warning("doorbell out of order: beat's sweep takes over", lane=lane, error=type(error).__name__)
    else:
        breaker.close()


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
