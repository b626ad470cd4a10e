"""Send the due emails of a queue: claim a batch, send it, claim the next."""

import os
import socket
import threading
import time
from collections.abc import Callable

from flask import Flask, current_app

from petition.core import clock
from petition.core.celery import PublishInfo
from petition.core.db import db
from petition.delivery.batch import Batch, scale_batch_size
from petition.delivery.claims import claim_due, recover_expired_leases
from petition.delivery.pacing.paces import release_parked
from petition.delivery.queues import EMAIL_QUEUES, Queue
from petition.delivery.recovery import continue_recovery
from petition.delivery.results import ClaimContext
from petition.delivery.wakeup import wake_soon
from petition.delivery.yielding import announce_sending

MAX_TASK_SECONDS = 25.0  # then another task goes on: tasks stay well under a minute
TARGET_CLAIM_SECONDS = 0.3  # how much sending a claim grows to where emails leave quickly
NO_WAKEUP = PublishInfo()

BeforeClaim = Callable[[], bool]


def init_app(app: Flask) -> None:
    """Prepare the registry of what comes before a claim."""
    app.extensions["petition.before_claim"] = {queue: [] for queue in EMAIL_QUEUES}


def register_before_claim(app: Flask, queue: Queue, function: BeforeClaim) -> None:
    """Register what a queue's worker does before each claim, such as enqueueing what was asked for meanwhile.

    The function commits by itself and returns whether it is to be called again at once. It is called while the queue
    is paused too, as a pause stops sending alone, and by every sweep, which thus makes up for a lost wake-up: where
    there is nothing to do, it must cost one short statement at most.
    """
    app.extensions["petition.before_claim"][queue.name].append(function)


def run_queue(queue_name: str, may_continue: Callable[[], bool] = lambda: True, wakeup: PublishInfo = NO_WAKEUP) -> int:
    """Send what is due in a queue, batch after batch, and return how many rows were settled.

    Stops when nothing is due, after `MAX_TASK_SECONDS`, or when `may_continue` returns False; rows that are still
    claimed then are released. Expired leases are recovered at the end, so that a new signer does not wait for it.
    Commits: each claim before anything is sent, each outcome after.
    """
    queue, deadline, total = EMAIL_QUEUES[queue_name], time.monotonic() + MAX_TASK_SECONDS, 0
    size = queue.batch_size
    continue_recovery(queue)

    def has_time() -> bool:
        return time.monotonic() < deadline and may_continue()

    while has_time():
        _prepare_claim(queue, has_time)
        release_parked(queue.name)
        context = ClaimContext(_worker_name(), *wakeup, clock.now())
        token, claims = claim_due(queue, context.worker, size)
        if not claims:
            if _recover_expired_leases(queue):
                continue
            return total
        if len(claims) == size:
            wake_soon(queue.name)  # more may be due than one thread can send
        started = time.monotonic()
        batch = Batch(queue, token, claims, context, has_time)
        settled = batch.send()
        total += settled
        # Where emails leave quickly, more of them share the cost of a claim; where they do not, no thread keeps more
        # than the queue's batch from the others, and consent is read shortly before an email is sent.
        elapsed = time.monotonic() - started - batch.throttle.waited_seconds
        size = scale_batch_size(
            TARGET_CLAIM_SECONDS, settled, elapsed, minimum=queue.batch_size, maximum=queue.max_batch_size
        )
        announce_sending(queue)
    _recover_expired_leases(queue)
    wake_soon(queue.name)
    return total


def _prepare_claim(queue: Queue, has_time: Callable[[], bool]) -> None:
    functions: list[BeforeClaim] = current_app.extensions["petition.before_claim"][queue.name]
    for function in functions:
        while function() and has_time():
            pass


def _recover_expired_leases(queue: Queue) -> int:
    recovered = recover_expired_leases(queue)
    db.session.commit()
    return recovered


def _worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident() % 100_000}"[:100]
