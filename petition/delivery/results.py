"""Record what became of claimed emails, each try, and which are next: one statement, as it runs for every few."""

import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from petition.core.db import autocommit_connection, db
from petition.delivery.composers import ClaimedDelivery
from petition.delivery.models import WAITING_STATES, DeliveryState
from petition.delivery.queues import SERVER, Queue
from petition.delivery.smtp.responses import Outcome

BACKOFF_BASE = timedelta(seconds=30)
MAX_BACKOFF = timedelta(hours=4)

# What was not composed has no domain to tell; a mailing's row knows its own from the start.
RECORD_RESULTS = text("""
    WITH outcomes AS (
        SELECT * FROM json_to_recordset(CAST(:outcomes AS json)) AS o (
            id bigint, state text, attempt smallint, next_attempt_at timestamptz, settled_at timestamptz,
            tried_at timestamptz, smtp_code smallint, reason text, cause text, domain text, tried boolean, said text,
            response text)),
    recorded AS (
        UPDATE deliveries AS d
        SET state = o.state, attempt = o.attempt, next_attempt_at = o.next_attempt_at, settled_at = o.settled_at,
            tried_at = o.tried_at, smtp_code = o.smtp_code, reason = o.reason, cause = o.cause,
            domain = coalesce(o.domain, d.domain), claim_token = NULL, lease_until = NULL
        -- The numbers once more, as the planner cannot know how few outcomes there are and would read the whole table.
        FROM outcomes AS o WHERE d.id = o.id AND d.id = ANY(CAST(:ids AS bigint[])) AND d.claim_token = :token
        RETURNING d.id),
    tries AS (
        INSERT INTO attempts (delivery_id, woken_at, woken_by, claimed_at, worker, ended_at, state, smtp_code, response)
        SELECT id, CAST(:woken_at AS timestamptz), :woken_by, CAST(:claimed_at AS timestamptz), :worker, tried_at, said,
               smtp_code, response
        FROM recorded JOIN outcomes USING (id) WHERE tried),
    well AS (DELETE FROM pauses WHERE scope = :server AND EXISTS (SELECT FROM outcomes WHERE state = 'sent')),
    begun AS (
        UPDATE deliveries SET begun = true
        WHERE id = ANY(CAST(:next_ones AS bigint[])) AND claim_token = :token RETURNING id)
    SELECT (SELECT count(*) FROM recorded), ARRAY(SELECT id FROM begun)
""")


@dataclass(frozen=True)
class ClaimContext:
    """Who takes rows, since when, and what woke them: a ring of the doorbell or beat's sweep."""

    worker: str
    woken_at: datetime | None = None
    woken_by: str | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True)
class DeliveryResult:
    """What is to be recorded of one claimed delivery."""

    claim: ClaimedDelivery
    outcome: Outcome
    domain: str | None
    at: datetime


def record_results(
    queue: Queue,
    token: uuid.UUID,
    settled: Sequence[DeliveryResult],
    by: ClaimContext,
    begin: Sequence[ClaimedDelivery] = (),
    *,
    autocommit: bool = False,
) -> tuple[int, set[int]]:
    """Record outcomes and the attempts they came of, for rows still held under this token; returns how many were.

    `begin`: those to be offered to the mail server next; also returns the numbers of those still held. That must be
    durable before the first of them is sent: the caller commits, or wants it `durably`, in a transaction of its own
    that is one round trip, apart from the session's. An email that was sent ends the server's rest.
    A deferred row waits with exponential backoff and jitter, and fails for good after the queue's last attempt.
    Trouble that the row had no part in is not held against it: its attempt is given back.
    """
    # One text: a list of each column takes psycopg as long as composing an email.
    outcomes = json.dumps([_result_row(queue, item) for item in settled])
    values = {
        "outcomes": outcomes, **asdict(by), "token": token, "server": SERVER, "next_ones": [each.id for each in begin],
        "ids": [each.claim.id for each in settled],
    }  # fmt: skip
    if autocommit:
        with autocommit_connection() as connection:
            recorded, begun = connection.execute(RECORD_RESULTS, values).one()
    else:
        recorded, begun = db.session.execute(RECORD_RESULTS, values).one()
    return recorded, set(begun)


def _result_row(queue: Queue, item: DeliveryResult) -> dict[str, Any]:
    outcome, attempt, again_at, settled_at = item.outcome, item.claim.attempt, item.at, None
    state, reason = outcome.state, outcome.reason
    if outcome.attempt_refunded:
        attempt -= 1
    elif state == DeliveryState.DEFERRED and attempt >= queue.max_attempts:
        state, reason = DeliveryState.FAILED, f"gave up after {attempt} attempts: {reason}"[:200]
    elif state == DeliveryState.DEFERRED:
        again_at = item.at + get_backoff(attempt)
    if state not in (*WAITING_STATES, DeliveryState.SENDING):
        settled_at = item.at
    return {
        "id": item.claim.id,
        "state": state,
        "attempt": attempt,
        "next_attempt_at": again_at.isoformat(),
        "settled_at": settled_at and settled_at.isoformat(),
        "tried_at": item.at.isoformat(),
        "smtp_code": outcome.code,
        "reason": reason,
        "cause": outcome.cause,
        "domain": item.domain,
        "tried": outcome.attempted,
        "said": outcome.state,
        "response": outcome.reason,
    }


def get_backoff(attempt: int) -> timedelta:
    """Return a random wait in the upper half of an exponentially growing bound.

    Not from nothing on ("full jitter"): tries that follow at once meet the same trouble, and each doubles the wait.
    """
    bound = min(BACKOFF_BASE * 2 ** min(max(attempt - 1, 0), 20), MAX_BACKOFF)
    return bound * (1 + random.random()) / 2  # noqa: S311 - jitter, not a secret
