"""Take rows to send, and settle what became of them, so that two workers never hold the same one."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import case, func, insert, text, update

from petition.core.db import by_itself, db
from petition.delivery.compose import Claimed
from petition.delivery.lanes import EVERYTHING, SERVER, Lane
from petition.delivery.models import DEFERRED, DUE, FAILED, SENDING, UNKNOWN, Attempt, Delivery

WORKER_DIED = "worker died"

HELD = "EXISTS (SELECT FROM holds WHERE scope IN (:lane, :everything, :server) AND (until IS NULL OR until > now()))"
DUE_NOW = "lane = :lane AND state IN ('due', 'deferred') AND next_attempt_at <= now()"
NEXT = "ORDER BY next_attempt_at LIMIT :batch FOR UPDATE SKIP LOCKED"
PICK = f"SELECT id FROM deliveries WHERE {DUE_NOW} AND NOT {HELD} {NEXT}"  # noqa: S608 - constants
# Mailing by mailing: the rows of one that is paused, however many, are not even looked at.
PICK_OF_MAILINGS = f"""
        SELECT row.id FROM ({{open_mailings}}) AS m, LATERAL (
            SELECT id FROM deliveries WHERE mailing_id = m.id AND {DUE_NOW} {NEXT}) AS row
        WHERE NOT {HELD} LIMIT :batch"""  # noqa: S608 - constants
CLAIM = """
    WITH picked AS MATERIALIZED ({pick})
    UPDATE deliveries AS d
    SET state = 'sending', attempt = attempt + 1, claim_token = :token, claimed_by = :worker, begun = false,
        lease_until = now() + :lease
    FROM picked WHERE d.id = picked.id
    RETURNING d.id, d.kind, d.petition_id, d.subject_id, d.generation, d.mailing_id, d.attempt, d.request_id
"""


def lease() -> timedelta:
    """Return how long a claim lasts; a worker that is alive gives back in time what it could not send."""
    return timedelta(seconds=current_app.config["PETITION_LEASE"])


def claim(lane: Lane, worker: str, size: int | None = None) -> tuple[uuid.UUID, list[Claimed]]:
    """Take a batch of due rows of a lane, or `size` of them, for one lease, in one statement, unless a hold forbids it.

    Returns the claim's token, without which nothing can be recorded, and the rows. Commits by itself, apart from the
    session's transaction: one round trip.
    """
    token = uuid.uuid4()
    pick = PICK_OF_MAILINGS.format(open_mailings=lane.open_mailings) if lane.open_mailings else PICK
    values = {
        "lane": lane.name,
        "everything": EVERYTHING,
        "server": SERVER,
        "batch": size or lane.batch,
        "token": token,
        "worker": worker,
        "lease": lease(),
    }
    with by_itself() as connection:
        return token, [Claimed(*row) for row in connection.execute(text(CLAIM.format(pick=pick)), values)]


def recover_leases(lane: Lane) -> int:
    """Settle the rows of workers that died: due again, or `unknown` where a second email would be worse than none.

    What was claimed and not begun was surely not sent.
    """
    # A row whose worker dies every time is the cause, sooner or later.
    again: Any = case((Delivery.attempt >= lane.max_attempts, FAILED), else_=DUE)
    if not lane.send_again_after_crash:
        again = case((Delivery.begun, UNKNOWN), else_=again)
    words = "the worker died while sending"
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.state == SENDING, Delivery.lease_until < func.now(), Delivery.lane == lane.name)
        .values(
            state=again,
            settled_at=case((again == DUE, None), else_=func.now()),
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
                "words": words,
            }
            for row in rows
        ]
        db.session.execute(insert(Attempt).values(tries))
    return len(rows)


def release(token: uuid.UUID, claims: Sequence[Claimed]) -> None:
    """Give rows back untried: they are due at once, or put off still, and the attempt does not count."""
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_([claim.id for claim in claims]), Delivery.claim_token == token)
        .values(
            state=case((Delivery.cause == "", DUE), else_=DEFERRED),
            attempt=Delivery.attempt - 1,
            claim_token=None,
            lease_until=None,
        )
        .execution_options(synchronize_session=False)
    )
