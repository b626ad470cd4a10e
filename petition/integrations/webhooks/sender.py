"""Send events to their endpoints: at least once, those of one signature in order, failed ones again.

A worker leases one endpoint at a time, so that one that hangs keeps no other from its events; after an attempt without
an answer it is backed off from. A worker that dies leaves its lease to end, and the event that it was at is sent again.
"""

import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from standardwebhooks.webhooks import Webhook

from petition.core import clock
from petition.core.db import db
from petition.integrations import queries
from petition.integrations.models import EndpointState, EventState, WebhookEndpoint, WebhookEvent
from petition.integrations.webhooks.addresses import ForbiddenAddress, resolve
from petition.integrations.webhooks.http_post import post
from petition.integrations.webhooks.payloads import make_body

TURN_SECONDS = 20.0  # that one endpoint is served for, before the next one's turn
LEASE = timedelta(seconds=60)  # a turn, and one more attempt
MAX_ENDPOINTS_AT_ONCE = 50
MAX_ATTEMPTS = 12  # with the intervals below, within a day and a half
FIRST_RETRY, MAX_RETRY = timedelta(seconds=5), timedelta(hours=6)
FIRST_BACKOFF, MAX_BACKOFF = timedelta(seconds=5), timedelta(minutes=10)
SILENT = ("timeout", "refused", "broken", "unknown host")  # the endpoint's trouble, not the event's

log = structlog.get_logger(__name__)


def send_due() -> None:
    """Serve every endpoint that has something due, one after the other. Commits after each event."""
    for _ in range(MAX_ENDPOINTS_AT_ONCE):
        lease = secrets.token_hex(16)
        endpoint_id = db.session.scalar(queries.LEASE_ENDPOINT, {"lease": lease, "length": LEASE})
        db.session.commit()
        if endpoint_id is None:
            return
        try:
            _serve(endpoint_id, lease)
        finally:
            db.session.rollback()
            db.session.execute(queries.RELEASE_ENDPOINT, {"id": endpoint_id, "lease": lease})
            db.session.commit()


def _serve(endpoint_id: int, lease: str) -> None:
    """Send the events of an endpoint until none is due, one gets no answer, or its turn is over."""
    ends_at = time.monotonic() + TURN_SECONDS
    while time.monotonic() < ends_at:
        event_id = db.session.scalar(queries.NEXT_EVENT, {"endpoint_id": endpoint_id})
        endpoint = db.session.get(WebhookEndpoint, endpoint_id, populate_existing=True)
        event = db.session.get(WebhookEvent, event_id, populate_existing=True) if event_id else None
        if event is None or endpoint is None or endpoint.state != EndpointState.ACTIVE:
            return
        body = make_body(endpoint, event)
        headers = make_headers(endpoint, event, body)
        db.session.commit()  # no transaction is open while the receiver is waited for
        answer = attempt(endpoint.url, headers, body)
        if not _record(endpoint, event, lease, answer):
            return


def make_headers(endpoint: WebhookEndpoint, event: WebhookEvent, body: bytes) -> dict[str, str]:
    """Return the headers of a message, signed with the endpoint's secret and, for a while, with the one before it."""
    message_id, now = f"msg_{event.id}_{int(event.created_at.timestamp())}", clock.now()
    secret_keys = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > now:
        secret_keys.append(endpoint.old_secret)
    # The library takes a naive or aware moment as UTC.
    moment = datetime.fromtimestamp(int(now.timestamp()), UTC)
    signatures = [Webhook(key).sign(message_id, moment, body.decode()) for key in secret_keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "petition",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def attempt(url: str, headers: dict[str, str], body: bytes) -> int | str:
    """Send one message, to an address that is checked each time. Returns the status, or why there is none."""
    try:
        target = resolve(url)
    except ForbiddenAddress as error:
        return str(error)
    return post(target, headers, body)


def _record(endpoint: WebhookEndpoint, event: WebhookEvent, lease: str, answer: int | str) -> bool:
    """Record an attempt, and commit. Returns whether the endpoint takes more now."""
    is_taken = isinstance(answer, int) and 200 <= answer < 300
    gives_up = event.attempts + 1 >= MAX_ATTEMPTS
    state = EventState.DELIVERED if is_taken else EventState.FAILED if gives_up else EventState.DUE
    values = {
        "id": event.id,
        "lease": lease,
        "answer": str(answer),
        "state": state.value,
        "retry_after": _get_backoff(event.attempts, FIRST_RETRY, MAX_RETRY),
    }
    db.session.execute(queries.RECORD_ATTEMPT, values)
    owner = {"id": endpoint.id, "lease": lease}
    is_silent = answer in SILENT or answer in (429, 502, 503, 504)
    if answer == HTTPStatus.GONE:
        db.session.execute(queries.RECORD_GONE, owner)
        db.session.execute(queries.DISCARD_DUE, {"endpoint_id": endpoint.id})
    elif is_silent:
        backoff = _get_backoff(endpoint.failures, FIRST_BACKOFF, MAX_BACKOFF)
        db.session.execute(queries.RECORD_SILENT, owner | {"backoff": backoff})
    else:
        db.session.execute(queries.RECORD_ANSWERED, owner)
    db.session.commit()
    log.info("webhook", message=event.id, endpoint=endpoint.id, answer=answer, attempt=event.attempts + 1)
    return not is_silent and answer != HTTPStatus.GONE


def _get_backoff(failures: int, first: timedelta, longest: timedelta) -> timedelta:
    """Return a wait that triples with each failure, with jitter so that endpoints do not come back at once."""
    return min(longest, first * 3 ** min(failures, 12)) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def delete_old(before: datetime) -> None:
    """Delete old events in whatever state, and secrets that no longer sign. Does not commit."""
    db.session.execute(queries.DELETE_OLD_EVENTS, {"before": before})
    db.session.execute(queries.FORGET_OLD_SECRETS)
