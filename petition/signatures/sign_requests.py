"""Process requests to sign: make each a pending signature, or refresh the one that exists, and enqueue its email.

The worker of confirmations does this before it claims emails. Requests to sign are answered before, so that the
response time does not reveal whether somebody signed.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.exc import OperationalError

from petition.core.db import autocommit_connection, db, is_outage
from petition.delivery.outbox import OutboxEntry, RecentEmails, enqueue
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS
from petition.signatures.models import CONFIRMED_STATES, SignatureState
from petition.signatures.partner_news import consents
from petition.signatures.queries import (
    EXISTS_SIGN_REQUEST_SQL,
    LOCK_SIGN_REQUESTS_SQL,
    LOCK_SIGNATURE_SQL,
    POSTPONE_SIGN_REQUEST_SQL,
    PROCESS_SIGN_REQUESTS_SQL,
    REFRESH_SIGNATURE_SQL,
    SELECT_SIGN_REQUESTS_SQL,
    SET_GENERATION_SQL,
)
from petition.signatures.sign import FORM_COLUMNS, MAX_EMAILS_PER_DAY, get_todays_emails, may_send_email

BATCH_SIZE = 200
ADVISORY_LOCK_ID = 0x7369676E  # "sign": any number that no other code locks
LOCK_TIMEOUT_MILLISECONDS = 2_000  # of the batch, and of a signature that somebody else changes
RETRY_AFTER = timedelta(minutes=1)  # of a request that could not be processed

KEPT_COLUMNS = (
    *FORM_COLUMNS,
    "email",
    "updates_wording_id",
    "updates_at",
    "passed_on_wording_id",
    "passed_on_at",
    "network",
    "review",
)

log = structlog.get_logger(__name__)


def process_sign_requests() -> bool:
    """Process a batch of the requests that wait, oldest first; return whether more may wait. Commits by itself.

    New signatures and their emails are inserted by one statement. Requests that meet an existing signature, and those
    that repeat an address of the batch, follow one by one, in their order. One worker at a time, so that two requests
    of one address keep their order. A request that cannot be processed is tried again after `RETRY_AFTER`, is logged
    without its details, and neither blocks the others nor is lost. Raises the error of an outage of the database.
    """
    with autocommit_connection() as connection:
        if connection.execute(EXISTS_SIGN_REQUEST_SQL).one_or_none() is None:
            return False
    try:
        return _lock_batch() and _process_batch(None) == BATCH_SIZE
    except Exception as error:
        _rollback(error)
        log.warning("sign requests: a batch failed, each follows by itself", error=type(error).__name__)
    ids = db.session.scalars(SELECT_SIGN_REQUESTS_SQL, {"batch_size": BATCH_SIZE}).all()
    db.session.commit()
    for request_id in ids:
        _process_one(request_id)
    return len(ids) == BATCH_SIZE


def _lock_batch() -> bool:
    """Let no other worker process requests until the end of the transaction; return False if one goes on doing so."""
    values = {"key": ADVISORY_LOCK_ID, "milliseconds": str(LOCK_TIMEOUT_MILLISECONDS)}
    try:
        db.session.execute(LOCK_SIGN_REQUESTS_SQL, values)
    except OperationalError as error:
        _rollback(error)
        return False
    return True


def _rollback(error: Exception) -> None:
    """Roll back. Raises the error of an outage of the database: no request is to blame for it."""
    db.session.rollback()
    if is_outage(error):
        raise error


def _process_one(request_id: int) -> None:
    try:
        if _lock_batch():
            _process_batch(request_id)
    except Exception as error:
        _rollback(error)
        db.session.execute(POSTPONE_SIGN_REQUEST_SQL, {"id": request_id, "retry_after": RETRY_AFTER})
        db.session.commit()
        log.error("sign request: processed later", sign_request=request_id, error=type(error).__name__)


def _process_batch(only: int | None) -> int:
    """Process the oldest requests, or `only` one, and return how many. Commits."""
    batch = db.session.execute(PROCESS_SIGN_REQUESTS_SQL, {"only": only, "batch_size": BATCH_SIZE}).all()
    new = [(row.signature_id, row.partner_consents, row.requested_at) for row in batch if row.is_new]
    consents.insert_many([row for row in new if row[1]])
    for request in batch:
        if not request.is_new:
            existing = db.session.execute(LOCK_SIGNATURE_SQL, dict(request._mapping)).one()
            _refresh_existing(existing, request)
    db.session.commit()
    return len(batch)


def _refresh_existing(existing: Row[Any], request: Row[Any]) -> None:
    """Refresh an existing signature as its state allows, and enqueue the email that it calls for, if any."""
    recent = get_todays_emails(existing.id)
    # Whoever types another spelling of the address may be somebody else: it changes no detail, makes no link void and
    # has none sent to that spelling. All it may cause is one more link to the address as it was first typed.
    values = request._mapping if existing.email == request.email else {**request._mapping, **_details(existing)}
    if existing.state == SignatureState.PENDING:
        send = may_send_email(recent)
        if send or existing.email == request.email:
            links = _pending_link_columns(existing, values, recent, send, news_changed=_news_changed(existing, request))
            _refresh(existing, values, links)
            _replace_news(existing, request, may_add=send or recent.has_waiting)
        if send:
            _enqueue("confirm_signature", existing, request)
    elif existing.state == SignatureState.WITHDRAWN:
        # Not pending without a link on its way: beyond the day's limit, nothing changes.
        if recent.emails < MAX_EMAILS_PER_DAY:
            generation = existing.generation + 1
            _refresh(existing, values, {"generation": generation, "valid_from": generation})
            _replace_news(existing, request, may_add=True)
            _enqueue("confirm_signature", existing, request)
    elif existing.state in CONFIRMED_STATES and may_send_email(recent):
        db.session.execute(SET_GENERATION_SQL, {"id": existing.id, "generation": existing.generation + 1})
        _enqueue("already_signed", existing, request)
    # Disowned, invalidated, or emailed a moment ago: nothing changes and nothing is sent.


def _details(existing: Row[Any]) -> dict[str, Any]:
    """Return what a signature keeps where a request must not replace it."""
    return {name: getattr(existing, name) for name in KEPT_COLUMNS}


def _refresh(existing: Row[Any], values: Mapping[Any, Any], links: dict[str, int]) -> None:
    db.session.execute(REFRESH_SIGNATURE_SQL, {**values, **links, "id": existing.id})


def _news_changed(existing: Row[Any], request: Row[Any]) -> bool:
    """Say whether a request asks for other partners' news than its signature; no look-up without partners."""
    if request.partner_consents is None or existing.email != request.email:
        return False
    return consents.get_agreed(existing.id) != {int(number) for number in request.partner_consents}


def _replace_news(existing: Row[Any], request: Row[Any], *, may_add: bool) -> None:
    if request.partner_consents is not None and existing.email == request.email:
        consents.replace(existing.id, request.partner_consents, request.requested_at, may_add=may_add)


def _pending_link_columns(
    existing: Row[Any], values: Mapping[Any, Any], recent: RecentEmails, send: bool, *, news_changed: bool
) -> dict[str, int]:
    """Return which links of a pending signature are valid once its details are refreshed.

    `news_changed`: whether it asks for other partners' news than before.
    """
    changed = news_changed or any(getattr(existing, name) != values[name] for name in (*FORM_COLUMNS, "email"))
    generation = existing.generation + 1 if send else existing.generation
    # Changed details void earlier links, once an email with the changed details follows: a new one, or one that waits.
    void_earlier_links = changed and (send or recent.has_waiting)
    return {"generation": generation, "valid_from": generation if void_earlier_links else existing.valid_from}


def _enqueue(kind: str, existing: Row[Any], request: Row[Any]) -> None:
    """Enqueue the email with the link that was numbered just now."""
    enqueue(
        kind,
        NOTIFICATIONS if kind == "already_signed" else CONFIRMATIONS,
        [OutboxEntry(request.petition_id, existing.id, existing.generation + 1)],
        requested_at=request.requested_at,
        request_id=request.request_id,
    )
