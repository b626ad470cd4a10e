"""Wake a worker: publish its task without delay, coalesced, with short timeouts, behind a circuit breaker.

Best effort. Where the broker cannot be reached, beat's periodic sweep finds the work a few seconds later.
"""

import os
import threading
import time
from collections.abc import Sequence

import redis
import structlog
from flask import Flask, current_app
from kombu.exceptions import OperationalError

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.db import run_after_commit
from petition.core.redis import get_client

RUN_QUEUE_TASK = "petition.delivery.tasks.run_queue_task"
WAKEUP_FLAG_TTL_SECONDS = 5  # how long a wake-up that no worker has taken stands for all others
MIN_WAKEUP_INTERVAL_SECONDS = 0.02  # between two wake-ups from the background thread of one process
CIRCUIT_OPEN_SECONDS = 5.0  # how long nothing is published after a failure

log = structlog.get_logger(__name__)
breaker = CircuitBreaker(CIRCUIT_OPEN_SECONDS)


def wake(queue: str, task: str = RUN_QUEUE_TASK, args: Sequence[str] | None = None) -> bool:
    """Wake a worker of a queue, unless a wake-up that none has taken is under way; `task` runs with `args`.

    `args` defaults to the queue's name. The task is to call `clear_wakeup_flag` first. Returns whether a wake-up is
    under way. Never raises. Takes at most about a second while the broker cannot be reached, then no time for
    `CIRCUIT_OPEN_SECONDS`.
    """
    if breaker.is_open():
        return False
    try:
        if get_client().set(_flag_key(queue), 1, nx=True, ex=WAKEUP_FLAG_TTL_SECONDS):
            current_app.extensions["celery"].send_task(
                task,
                args=[queue] if args is None else list(args),
                queue=queue,
                headers={"published_by": "wakeup"},
                retry=False,
            )
    except (redis.RedisError, OperationalError, OSError) as error:
        breaker.trip()
        log.warning("wake-up not published: beat's sweep takes over", queue=queue, error=type(error).__name__)
        return False
    return True


def wake_after_commit(queue: str) -> None:
    """Wake an email queue's worker, once, when the current transaction is durable; not at all on rollback."""

    def action() -> None:
        wake(queue)

    run_after_commit(("wake", queue), action)


def wake_soon(queue: str) -> None:
    """Wake an email queue's worker from a background thread: neither a signer nor a worker waits for the broker."""
    thread: WakeupThread = current_app.extensions["petition.wakeup_thread"]
    thread.request(queue)


def clear_wakeup_flag(queue: str) -> None:
    """Let later wake-ups of a queue be published again.

    Called by the task before it looks for work, so that no row is enqueued between that look and a wake-up.
    """
    try:
        get_client().delete(_flag_key(queue))
    except (redis.RedisError, OSError):
        log.warning("wake-up flag not cleared: it expires by itself", queue=queue)


class WakeupThread:
    """The background thread of a process that wakes workers, each queue once per `MIN_WAKEUP_INTERVAL_SECONDS`."""

    def __init__(self, app: Flask) -> None:
        self._app, self._process = app, 0
        self._queues: set[str] = set()
        self._requested = threading.Event()

    def request(self, queue: str) -> None:
        """Have a queue's worker woken; returns at once."""
        self._queues.add(queue)
        if self._process != os.getpid():  # a forked process inherits no thread
            self._process = os.getpid()
            threading.Thread(target=self._run, name="wakeup", daemon=True).start()
        if not self._requested.is_set():
            self._requested.set()

    def _run(self) -> None:
        with self._app.app_context():
            while self._requested.wait():
                self._requested.clear()  # before the set is read: a request from here on starts another pass
                for queue in tuple(self._queues):
                    self._queues.discard(queue)
                    wake(queue)
                time.sleep(MIN_WAKEUP_INTERVAL_SECONDS)


def init_app(app: Flask) -> None:
    """Prepare the background thread, which starts with its first request."""
    app.extensions["petition.wakeup_thread"] = WakeupThread(app)


def _flag_key(queue: str) -> str:
    return f"petition:woken:{queue}"
