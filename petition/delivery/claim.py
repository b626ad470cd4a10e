"""Take rows to send, and settle what became of them, so that two workers never hold the same one."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import DateTime, Integer, case, cast, column, func, insert, text, update, values
from sqlalchemy import String as SqlString

from petition.core.db import db
from petition.delivery.compose import Claimed
from petition.delivery.lanes import EVERYTHING, SERVER, Lane
from petition.delivery.models import DEFERRED, DUE, FAILED, SENDING, UNKNOWN, WAITING, Attempt, Delivery
from petition.delivery.replies import Outcome

RECORDED = ("state", "attempt", "next_attempt_at", "settled_at", "tried_at", "smtp_code", "reason", "cause", "domain")
WORKER_DIED = "worker died"
BACKOFF_BASE = timedelta(seconds=30)
BACKOFF_CAP = timedelta(hours=4)

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
    SET state = 'sending', attempt = attempt + 1, claim_token = :token, claimed_by = :worker,
        lease_until = now() + :lease
    FROM picked WHERE d.id = picked.id
    RETURNING d.id, d.kind, d.petition_id, d.subject_id, d.generation, d.mailing_id, d.attempt, d.request_id
"""


@dataclass(frozen=True)
class Round:
    """Who takes rows, since when, and what woke them: a ring of the doorbell or beat's sweep."""

    worker: str
    rung_at: datetime | None = None
    rung_by: str | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True)
class Settled:
    """What is to be recorded of one claimed delivery."""

    claim: Claimed
    outcome: Outcome
    domain: str | None
    at: datetime


def lease() -> timedelta:
    """Return how long a claim lasts; a worker that is alive gives back in time what it could not send."""
    return timedelta(seconds=current_app.config["PETITION_LEASE"])


def claim(lane: Lane, worker: str) -> tuple[uuid.UUID, list[Claimed]]:
    """Take a batch of due rows of a lane for one lease, in one statement, unless a hold forbids it.

    Returns the claim's token, without which nothing can be recorded, and the rows. Flushes, does not commit.
    """
    token = uuid.uuid4()
    pick = PICK_OF_MAILINGS.format(open_mailings=lane.open_mailings) if lane.open_mailings else PICK
    rows = db.session.execute(
        text(CLAIM.format(pick=pick)),
        {
            "lane": lane.name,
            "everything": EVERYTHING,
            "server": SERVER,
            "batch": lane.batch,
            "token": token,
            "worker": worker,
            "lease": lease(),
        },
    )
    return token, [Claimed(**row) for row in rows.mappings()]


def recover_leases(lane: Lane) -> int:
    """Settle the rows of workers that died: due again, or `unknown` where a second email would be worse than none."""
    # A row whose worker dies every time is the cause, sooner or later.
    again = case((Delivery.attempt >= lane.max_attempts, FAILED), else_=DUE)
    words = "the worker died while sending"
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.state == SENDING, Delivery.lease_until < func.now(), Delivery.lane == lane.name)
        .values(
            state=again if lane.send_again_after_crash else UNKNOWN,
            settled_at=case((again == FAILED, func.now())) if lane.send_again_after_crash else func.now(),
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


def record(lane: Lane, token: uuid.UUID, settled: Sequence[Settled], by: Round) -> int:
    """Record outcomes and the attempts they came of, for rows still held under this token; returns how many were.

    A deferred row waits with exponential backoff and full jitter, and fails for good after the lane's last attempt.
    The server's trouble is not held against the row: its attempt is given back.
    """
    if not settled:
        return 0
    rows = [_row(lane, item) for item in settled]
    table = values(
        column("id", Delivery.id.type),
        column("state", SqlString),
        column("attempt", Integer),
        column("next_attempt_at", DateTime(timezone=True)),
        column("settled_at", DateTime(timezone=True)),
        column("tried_at", DateTime(timezone=True)),
        column("smtp_code", Integer),
        column("reason", SqlString),
        column("cause", SqlString),
        column("domain", SqlString),
        name="outcomes",
    ).data(rows)
    recorded = db.session.scalars(
        update(Delivery)
        .where(Delivery.id == table.c.id, Delivery.claim_token == token)
        .values(
            # Cast, as PostgreSQL takes a column of nothing but NULL for text.
            {name: cast(table.c[name], getattr(Delivery, name).type) for name in RECORDED}
            # What was not composed has no domain to tell; a mailing's row knows its own from the start.
            | {"domain": func.coalesce(table.c.domain, Delivery.domain), "claim_token": None, "lease_until": None}
        )
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    held = set(recorded)
    tries = [_try(item, by) for item in settled if item.claim.id in held and item.outcome.tried]
    if tries:
        db.session.execute(insert(Attempt).values(tries))
    return len(held)


def _try(item: Settled, by: Round) -> dict[str, Any]:
    outcome = item.outcome
    return {
        "delivery_id": item.claim.id,
        "ended_at": item.at,
        "state": outcome.state,
        "smtp_code": outcome.code,
        "words": outcome.reason,
        **asdict(by),
    }


def _row(lane: Lane, item: Settled) -> tuple[Any, ...]:
    outcome, attempt, again_at, settled_at = item.outcome, item.claim.attempt, item.at, None
    state, reason = outcome.state, outcome.reason
    if outcome.server_trouble:
        attempt -= 1
    elif state == DEFERRED and attempt >= lane.max_attempts:
        state, reason = FAILED, f"gave up after {attempt} attempts: {reason}"[:200]
    elif state == DEFERRED:
        again_at = item.at + backoff(attempt)
    if state not in (*WAITING, SENDING):
        settled_at = item.at
    return (
        item.claim.id,
        state,
        attempt,
        again_at,
        settled_at,
        item.at,
        outcome.code,
        reason,
        outcome.cause,
        item.domain,
    )


def backoff(attempt: int) -> timedelta:
    """Return a random wait up to an exponentially growing bound ("full jitter": AWS Architecture Blog, 2015)."""
    bound = min(BACKOFF_BASE * 2 ** min(max(attempt - 1, 0), 20), BACKOFF_CAP)
    return bound * random.random()  # noqa: S311 - jitter, not a secret


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
