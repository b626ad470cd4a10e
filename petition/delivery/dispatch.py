"""The worker's round for one lane: claim a batch, send it, claim another."""

import os
import socket
import threading
import time
from collections.abc import Callable

from petition.core import clock
from petition.core.db import db
from petition.core.queue import Published
from petition.delivery.batch import Batch, as_many_as_leave
from petition.delivery.claim import claim, recover_leases
from petition.delivery.doorbell import ring
from petition.delivery.lanes import LANES, Lane
from petition.delivery.record import Round
from petition.delivery.room import take_room

ROUND = 25.0  # seconds after which a task hands over to the next one: tasks stay well under a minute
CLAIM_FOR = 0.3  # seconds of sending that a claim grows to where emails leave quickly
NOT_RUNG = Published()


def dispatch(lane_name: str, may_go_on: Callable[[], bool] = lambda: True, rung: Published = NOT_RUNG) -> int:
    """Send what is due in a lane, batch after batch, and return how many rows were settled.

    Stops when nothing is due, after `ROUND` seconds, or when `may_go_on` says so; what it then holds is given back. The
    rows of workers that died are looked for at the end: whoever has just signed does not wait for it.
    Commits: each claim before anything is sent, each outcome after.
    """
    lane, ends, total = LANES[lane_name], time.monotonic() + ROUND, 0
    size = lane.batch

    def on_time() -> bool:
        return time.monotonic() < ends and may_go_on()

    while on_time():
        by = Round(_worker(), *rung, clock.now())
        token, claims = claim(lane, by.worker, size)
        if not claims:
            if _recover(lane):
                continue
            return total
        if len(claims) == size:
            ring(lane.name)  # more is waiting than one thread can hold: wake another
        began = time.monotonic()
        batch = Batch(lane, token, claims, by, on_time)
        settled = batch.send()
        total += settled
        # Where emails leave quickly, they share what a claim costs; where they do not, no thread holds more than the
        # lane's batch while another has nothing to do, and consent stays as freshly read.
        took = time.monotonic() - began - batch.pace.rested
        size = as_many_as_leave(CLAIM_FOR, settled, took, least=lane.batch, most=lane.largest_batch)
        take_room(lane)
    _recover(lane)
    ring(lane.name)
    return total


def _recover(lane: Lane) -> int:
    found = recover_leases(lane)
    db.session.commit()
    return found


def _worker() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident() % 100_000}"[:100]
