"""Take rows to send, and settle what became of them, so that two workers never hold the same one."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import case, func, insert, text, update

from petition.core.db import autocommit_connection, db
from petition.delivery.composers import ClaimedDelivery
from petition.delivery.models import Attempt, Delivery, DeliveryState
from petition.delivery.queues import EVERYTHING, SERVER, Queue

WORKER_DIED = "worker died"

IS_PAUSED = (
    "EXISTS (SELECT FROM pauses WHERE scope IN (:queue, :everything, :server) AND (until IS NULL OR until > now()))"
)
DUE_NOW = "queue = :queue AND state IN ('due', 'deferred') AND next_attempt_at <= now()"
LOCK_NEXT = "ORDER BY next_attempt_at LIMIT :batch FOR UPDATE SKIP LOCKED"
SELECT_DUE = f"SELECT id FROM deliveries WHERE {DUE_NOW} AND NOT {IS_PAUSED} {LOCK_NEXT}"  # noqa: S608 - constants
# Mailing by mailing: the rows of one that is paused, however many, are not even looked at.
SELECT_DUE_BY_MAILING = f"""
        SELECT row.id FROM ({{open_mailings}}) AS m, LATERAL (
            SELECT id FROM deliveries WHERE mailing_id = m.id AND {DUE_NOW} {LOCK_NEXT}) AS row
        WHERE NOT {IS_PAUSED} LIMIT :batch"""  # noqa: S608 - constants
CLAIM = """
    WITH picked AS MATERIALIZED ({pick})
    UPDATE deliveries AS d
    SET state = 'sending', attempt = attempt + 1, claim_token = :token, claimed_by = :worker, begun = false,
        lease_until = now() + :lease
    FROM picked WHERE d.id = picked.id
    RETURNING d.id, d.kind, d.petition_id, d.subject_id, d.generation, d.mailing_id, d.attempt, d.request_id
"""


def get_lease_duration() -> timedelta:
    """Return how long a claim lasts; a worker that is alive gives back in time what it could not send."""
    return timedelta(seconds=current_app.config["PETITION_CLAIM_TIMEOUT"])


def claim_due(queue: Queue, worker: str, size: int | None = None) -> tuple[uuid.UUID, list[ClaimedDelivery]]:
    """Take a batch of due rows of a queue, or `size` of them, for one lease, in one statement, unless a hold forbids it.

    Returns the claim's token, without which nothing can be recorded, and the rows. Commits by itself, apart from the
    session's transaction: one round trip.
    """
    token = uuid.uuid4()
    pick = SELECT_DUE_BY_MAILING.format(open_mailings=queue.open_mailings) if queue.open_mailings else SELECT_DUE
    values = {
        "queue": queue.name,
        "everything": EVERYTHING,
        "server": SERVER,
        "batch": size or queue.batch_size,
        "token": token,
        "worker": worker,
        "lease": get_lease_duration(),
    }
    with autocommit_connection() as connection:
        return token, [ClaimedDelivery(*row) for row in connection.execute(text(CLAIM.format(pick=pick)), values)]


def recover_expired_leases(queue: Queue) -> int:
    """Settle the rows of workers that died: due again, or `unknown` where a second email would be worse than none.

    What was claimed and not begun was surely not sent.
    """
    # A row whose worker dies every time is the cause, sooner or later.
    again: Any = case((Delivery.attempt >= queue.max_attempts, DeliveryState.FAILED), else_=DeliveryState.DUE)
    if not queue.send_again_after_crash:
        again = case((Delivery.begun, DeliveryState.UNKNOWN), else_=again)
    words = "the worker died while sending"
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.SENDING, Delivery.lease_until < func.now(), Delivery.queue == queue.name)
        .values(
            state=again,
            settled_at=case((again == DeliveryState.DUE, None), else_=func.now()),
            tried_at=func.now(),
            reason=words,
            cause=WORKER_DIED,
            claim_token=None,
            lease_until=None,
        )
        .returning(Delivery.id, Delivery.state, Delivery.claimed_by)
        .execution_options(synchronize_session=False)
    ).all()
    if rows:
        tries = [
            {
                "delivery_id": row.id,
                "worker": row.claimed_by,
                "ended_at": func.now(),
                "state": row.state,
                "response": words,
            }
            for row in rows
        ]
        db.session.execute(insert(Attempt).values(tries))
    return len(rows)


def release(token: uuid.UUID, claims: Sequence[ClaimedDelivery]) -> None:
    """Give rows back untried: they are due at once, or put off still, and the attempt does not count."""
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_([claim.id for claim in claims]), Delivery.claim_token == token)
        .values(
            state=case((Delivery.cause == "", DeliveryState.DUE), else_=DeliveryState.DEFERRED),
            attempt=Delivery.attempt - 1,
            claim_token=None,
            lease_until=None,
        )
        .execution_options(synchronize_session=False)
    )
