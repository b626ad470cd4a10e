"""Claim due rows for a worker, release them, and recover the claims of workers that died."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from flask import current_app

from petition.core.db import autocommit_connection, db
from petition.delivery.composers import ClaimedDelivery
from petition.delivery.queries import CLAIM_DUE, CLAIM_DUE_BY_MAILING, RECOVER_EXPIRED_LEASES, RELEASE_CLAIMS
from petition.delivery.queues import EVERYTHING, SERVER, Queue

WORKER_DIED = "worker died"


def get_lease_duration() -> timedelta:
    """Return how long a claim lasts; a worker that lives releases in time what it could not send."""
    return timedelta(seconds=current_app.config["PETITION_CLAIM_TIMEOUT"])


def claim_due(queue: Queue, worker: str, size: int | None = None) -> tuple[uuid.UUID, list[ClaimedDelivery]]:
    """Claim a batch of due rows of a queue for one lease, in one autocommitted statement: one round trip.

    `size` defaults to the queue's batch size. Returns the claim token, without which no outcome can be recorded, and
    the rows: none while the queue is paused.
    """
    token = uuid.uuid4()
    parameters = {
        "queue": queue.name,
        "everything": EVERYTHING,
        "server": SERVER,
        "batch_size": size or queue.batch_size,
        "token": token,
        "worker": worker,
        "lease": get_lease_duration(),
    }
    with autocommit_connection() as connection:
        rows = connection.execute(CLAIM_DUE_BY_MAILING if queue.by_mailing else CLAIM_DUE, parameters)
        return token, [ClaimedDelivery(*row) for row in rows]


def recover_expired_leases(queue: Queue) -> int:
    """Settle the rows of workers that died, and return how many. Flushes, does not commit.

    They are due again, or `unknown` where the email may have been sent and must not be sent twice.
    """
    parameters = {
        "queue": queue.name,
        "send_again": queue.send_again_after_crash,
        "max_attempts": queue.max_attempts,
        "reason": "the worker died while sending",
        "cause": WORKER_DIED,
    }
    return len(db.session.execute(RECOVER_EXPIRED_LEASES, parameters).all())


def release(token: uuid.UUID, claims: Sequence[ClaimedDelivery]) -> None:
    """Release claimed rows that were not tried; the attempt does not count. Flushes, does not commit."""
    db.session.execute(RELEASE_CLAIMS, {"ids": [claim.id for claim in claims], "token": token})
