"""Ring a lane's worker: coalesced, quick, and never in the way of what caused the ring."""

import os
import threading
import time

import redis
import structlog
from flask import Flask, current_app
from kombu.exceptions import OperationalError

from petition.core.breaker import Breaker
from petition.core.redis import client

DISPATCH = "petition.delivery.tasks.dispatch"
PENDING_FOR = 5  # seconds that one unanswered ring stands for all others
PAUSE = 0.02  # seconds between two rings of one process
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


class Ringer:
    """A thread that rings for all the others of its process, each `PAUSE` at most: no signer waits for a broker."""

    def __init__(self, app: Flask) -> None:
        self._app, self._process = app, 0
        self._lanes: set[str] = set()
        self._asked = threading.Event()

    def ask(self, lane: str) -> None:
        """Have a lane rung; returns at once."""
        self._lanes.add(lane)
        if self._process != os.getpid():  # a fork has no thread but the one that forked
            self._process = os.getpid()
            threading.Thread(target=self._run, name="doorbell", daemon=True).start()
        if not self._asked.is_set():
            self._asked.set()

    def _run(self) -> None:
        with self._app.app_context():
            while self._asked.wait():
                self._asked.clear()  # before the look: whoever asks from here on is heard in the next round
                for lane in tuple(self._lanes):
                    self._lanes.discard(lane)
                    ring(lane)
                time.sleep(PAUSE)


def ring_soon(lane: str) -> None:
    """Wake a worker of this lane as `ring` does, from another thread."""
    ringer: Ringer = current_app.extensions["petition.ringer"]
    ringer.ask(lane)


def init_app(app: Flask) -> None:
    """Prepare the thread, which begins with the first ring."""
    app.extensions["petition.ringer"] = Ringer(app)


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
