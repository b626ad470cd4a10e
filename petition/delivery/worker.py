"""The worker's round for one queue: claim a batch, send it, claim another."""

import os
import socket
import threading
import time
from collections.abc import Callable

from petition.core import clock
from petition.core.celery import PublishInfo
from petition.core.db import db
from petition.delivery.batch import Batch, scale_batch_size
from petition.delivery.claims import claim_due, recover_expired_leases
from petition.delivery.queues import EMAIL_QUEUES, Queue
from petition.delivery.results import ClaimContext
from petition.delivery.wakeup import wake
from petition.delivery.yielding import announce_sending

MAX_TASK_SECONDS = 25.0  # seconds after which a task hands over to the next one: tasks stay well under a minute
TARGET_CLAIM_SECONDS = 0.3  # seconds of sending that a claim grows to where emails leave quickly
NO_WAKEUP = PublishInfo()


def run_queue(lane_name: str, may_continue: Callable[[], bool] = lambda: True, wakeup: PublishInfo = NO_WAKEUP) -> int:
    """Send what is due in a queue, batch after batch, and return how many rows were settled.

    Stops when nothing is due, after `ROUND` seconds, or when `may_go_on` says so; what it then holds is given back. The
    rows of workers that died are looked for at the end: whoever has just signed does not wait for it.
    Commits: each claim before anything is sent, each outcome after.
    """
    queue, ends, total = EMAIL_QUEUES[lane_name], time.monotonic() + MAX_TASK_SECONDS, 0
    size = queue.batch_size

    def on_time() -> bool:
        return time.monotonic() < ends and may_continue()

    while on_time():
        by = ClaimContext(_worker_name(), *wakeup, clock.now())
        token, claims = claim_due(queue, by.worker, size)
        if not claims:
            if _recover_expired_leases(queue):
                continue
            return total
        if len(claims) == size:
            wake(queue.name)  # more is waiting than one thread can hold: wake another
        began = time.monotonic()
        batch = Batch(queue, token, claims, by, on_time)
        settled = batch.send()
        total += settled
        # Where emails leave quickly, they share what a claim costs; where they do not, no thread holds more than the
        # queue's batch while another has nothing to do, and consent stays as freshly read.
        took = time.monotonic() - began - batch.throttle.waited_seconds
        size = scale_batch_size(
            TARGET_CLAIM_SECONDS, settled, took, minimum=queue.batch_size, maximum=queue.max_batch_size
        )
        announce_sending(queue)
    _recover_expired_leases(queue)
    wake(queue.name)
    return total


def _recover_expired_leases(queue: Queue) -> int:
    found = recover_expired_leases(queue)
    db.session.commit()
    return found


def _worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident() % 100_000}"[:100]
