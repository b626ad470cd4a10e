"""Record what became of claimed emails, each attempt, and which rows are begun next."""

import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from petition.core import clock
from petition.core.db import autocommit_connection, db
from petition.delivery.composers import ClaimedDelivery
from petition.delivery.models import WAITING_STATES, DeliveryState
from petition.delivery.queries import RECORD_RESULTS
from petition.delivery.queues import SERVER, Queue
from petition.delivery.smtp.responses import Outcome

BACKOFF_BASE = timedelta(seconds=30)
MAX_BACKOFF = timedelta(hours=4)
PARKED_WAIT = timedelta(hours=1)

_last_success: datetime | None = None


@dataclass(frozen=True)
class ClaimContext:
    """Which worker claimed rows, when, and what woke it: a wake-up or beat's sweep."""

    worker: str
    woken_at: datetime | None = None
    woken_by: str | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True)
class DeliveryResult:
    """The outcome of one claimed delivery."""

    claim: ClaimedDelivery
    outcome: Outcome
    domain: str | None
    at: datetime
    address_hash: str | None = None  # of the address that it was offered for
    server: str = SERVER  # scope of the rest of the mail server that it was offered to


def record_results(
    queue: Queue,
    token: uuid.UUID,
    results: Sequence[DeliveryResult],
    context: ClaimContext,
    begin: Mapping[int, str | None] | None = None,
    *,
    autocommit: bool = False,
) -> tuple[int, set[int]]:
    """Record outcomes and attempts of rows still claimed under this token; return how many, and the ids of those begun.

    `begin`: rows to mark as begun, as they are offered to the mail server next, each with the hash of its address, so
    that a bounce finds it even if the outcome is never recorded. The mark must be durable before the
    first of them is sent: the caller commits, or asks for `autocommit`, one round trip apart from the session's
    transaction. A reply to an email, be it a rejection, ends the mail server's back-off.
    A deferred row waits with exponential backoff and jitter, and fails after the queue's last attempt. Trouble of the
    mail server does not count as an attempt; a row that was not even begun is due again once the back-off ends.
    """
    parameters = {
        # One JSON text: adapting an array for each column takes psycopg as long as composing an email.
        "outcomes": json.dumps([_outcome_row(queue, result) for result in results]),
        "ids": [result.claim.id for result in results],
        "begin_ids": list(begin or ()),
        "begin_hashes": list((begin or {}).values()),
        "token": token,
        "answered": sorted(
            {scope for result in results if result.outcome.server_answered for scope in (result.server, SERVER)}
        ),
        **asdict(context),
    }
    if autocommit:
        with autocommit_connection() as connection:
            recorded, begun = connection.execute(RECORD_RESULTS, parameters).one()
    else:
        recorded, begun = db.session.execute(RECORD_RESULTS, parameters).one()
    return recorded, set(begun)


def _outcome_row(queue: Queue, result: DeliveryResult) -> dict[str, Any]:
    outcome, attempt, next_attempt_at, settled_at = result.outcome, result.claim.attempt, result.at, None
    state, reason = outcome.state, outcome.reason
    if outcome.attempt_refunded:
        attempt -= 1
        if outcome.wait_seconds is not None:
            next_attempt_at = result.at + timedelta(seconds=outcome.wait_seconds)
        elif state == DeliveryState.DEFERRED and not outcome.retry_at_once:
            next_attempt_at = result.at + get_backoff(attempt)
        if outcome.parked_for:
            # Until its provider may be mailed again (`pacing.paces.release_parked`); this is for when nobody looks.
            next_attempt_at = result.at + PARKED_WAIT * (1 + random.random() / 4)  # noqa: S311 - jitter, not a secret
    elif state == DeliveryState.DEFERRED and outcome.kept:
        attempt = min(attempt, queue.max_attempts - 1)
        next_attempt_at = result.at + get_backoff(attempt)
    elif state == DeliveryState.DEFERRED and attempt >= (outcome.max_attempts or queue.max_attempts):
        state, reason = DeliveryState.FAILED, f"gave up after {attempt} attempts: {reason}"[:200]
    elif state == DeliveryState.DEFERRED:
        next_attempt_at = result.at + get_backoff(attempt)
    if state not in (*WAITING_STATES, DeliveryState.SENDING):
        settled_at = result.at
    return {
        "id": result.claim.id,
        "state": state,
        "attempt": attempt,
        "next_attempt_at": next_attempt_at.isoformat(),
        "settled_at": settled_at and settled_at.isoformat(),
        "tried_at": result.at.isoformat(),
        "smtp_code": outcome.code,
        "reason": reason,
        "cause": outcome.cause,
        "parked_for": outcome.parked_for,
        "domain": result.domain,
        "address_hash": result.address_hash,
        "attempted": outcome.attempted,
        "attempt_state": outcome.state,
        "response": outcome.reason,
    }


def get_backoff(attempt: int) -> timedelta:
    """Return a random wait in the upper half of an exponentially growing bound.

    Not from zero up ("full jitter"): retries that follow at once meet the same trouble, and each doubles the wait.
    """
    bound = min(BACKOFF_BASE * 2 ** min(max(attempt - 1, 0), 20), MAX_BACKOFF)
    return bound * (1 + random.random()) / 2  # noqa: S311 - jitter, not a secret


def note_success() -> None:
    """Note that the mail server accepted an email just now."""
    global _last_success  # of the process: its heartbeat shows it
    _last_success = clock.now()


def get_last_success() -> datetime | None:
    """Return when the mail server last accepted an email from this process, if ever."""
    return _last_success
