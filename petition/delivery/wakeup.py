"""Ring a queue's worker: coalesced, quick, and never in the way of what caused the ring."""

import os
import threading
import time

import redis
import structlog
from flask import Flask, current_app
from kombu.exceptions import OperationalError

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.redis import get_client

RUN_QUEUE_TASK = "petition.delivery.tasks.run_queue_task"
WAKEUP_FLAG_TTL_SECONDS = 5  # seconds that one unanswered ring stands for all others
MIN_WAKEUP_INTERVAL_SECONDS = 0.02  # seconds between two rings of one process
CIRCUIT_OPEN_SECONDS = 5.0  # seconds without rings after a failure: beat's sweep does the work meanwhile

log = structlog.get_logger(__name__)


breaker = CircuitBreaker(CIRCUIT_OPEN_SECONDS)


def wake(queue: str) -> None:
    """Wake a worker of this queue unless a ring is already on its way.

    Never raises, and takes at most about a second, then nothing for `REST`, while the broker cannot be reached.
    """
    if breaker.is_open():
        return
    try:
        if get_client().set(_flag_key(queue), 1, nx=True, ex=WAKEUP_FLAG_TTL_SECONDS):
            headers = {"published_by": "wakeup"}
            current_app.extensions["celery"].send_task(
                RUN_QUEUE_TASK, args=[queue], queue=queue, headers=headers, retry=False
            )
    except (redis.RedisError, OperationalError, OSError) as error:
        breaker.trip()
        log.warning("doorbell out of order: beat's sweep takes over", queue=queue, error=type(error).__name__)


class WakeupThread:
    """A thread that rings for all the others of its process, each `PAUSE` at most: no signer waits for a broker."""

    def __init__(self, app: Flask) -> None:
        self._app, self._process = app, 0
        self._queues: set[str] = set()
        self._requested = threading.Event()

    def request(self, queue: str) -> None:
        """Have a queue rung; returns at once."""
        self._queues.add(queue)
        if self._process != os.getpid():  # a fork has no thread but the one that forked
            self._process = os.getpid()
            threading.Thread(target=self._run, name="wakeup", daemon=True).start()
        if not self._requested.is_set():
            self._requested.set()

    def _run(self) -> None:
        with self._app.app_context():
            while self._requested.wait():
                self._requested.clear()  # before the look: whoever asks from here on is heard in the next round
                for queue in tuple(self._queues):
                    self._queues.discard(queue)
                    wake(queue)
                time.sleep(MIN_WAKEUP_INTERVAL_SECONDS)


def wake_soon(queue: str) -> None:
    """Wake a worker of this queue as `ring` does, from another thread."""
    ringer: WakeupThread = current_app.extensions["petition.wakeup_thread"]
    ringer.request(queue)


def init_app(app: Flask) -> None:
    """Prepare the thread, which begins with the first ring."""
    app.extensions["petition.wakeup_thread"] = WakeupThread(app)


def clear_wakeup_flag(queue: str) -> None:
    """Take the ring as heard: what is posted from now on rings again.

    Called before the claim, so that no row falls between a claim and its ring.
    """
    try:
        get_client().delete(_flag_key(queue))
    except (redis.RedisError, OSError):
        log.warning("doorbell out of order: the flag expires by itself", queue=queue)


def _flag_key(queue: str) -> str:
    return f"petition:woken:{queue}"
