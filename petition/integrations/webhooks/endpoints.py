"""Endpoints of webhooks: make, change, pause, rotate the secret, test, delete. Functions flush and do not commit."""

import base64
import secrets
from collections.abc import Collection
from datetime import timedelta
from ipaddress import ip_address

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db, run_after_commit
from petition.core.exceptions import InvalidTransition, NotFound, ValidationError
from petition.delivery.queues import WEBHOOKS
from petition.integrations.models import EVENT_TYPES, EndpointState, EventType, WebhookEndpoint, WebhookEvent
from petition.integrations.webhooks.addresses import ForbiddenAddress, is_allowed, parse_url
from petition.integrations.webhooks.events import wake_sender
from petition.team import audit

SUBJECT = "webhook"
SECRET_BYTES, ID_KEY_BYTES = 32, 32
OLD_SECRET_RETENTION = timedelta(hours=24)  # how long a receiver has to learn the new one
EVENT_RETENTION = timedelta(days=30)
MAX_ENDPOINTS = 20
RECENT_EVENTS = 20


def list_all() -> list[WebhookEndpoint]:
    """Return all endpoints, oldest first."""
    return list(db.session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id).limit(MAX_ENDPOINTS)))


def find(endpoint_id: int, *, lock: bool = False) -> WebhookEndpoint:
    """Return an endpoint. Raises `NotFound`."""
    endpoint = db.session.get(WebhookEndpoint, endpoint_id, with_for_update=lock or None, populate_existing=lock)
    if endpoint is None:
        raise NotFound
    return endpoint


def list_recent_events(endpoint: WebhookEndpoint) -> list[WebhookEvent]:
    """Return the last events of an endpoint, newest first."""
    query = select(WebhookEvent).where(WebhookEvent.endpoint_id == endpoint.id).order_by(WebhookEvent.id.desc())
    return list(db.session.scalars(query.limit(RECENT_EVENTS)))


def create(url: str, events: Collection[str], petition_id: int | None, created_by: str) -> WebhookEndpoint:
    """Make an endpoint; its secret is shown once. Raises `ValidationError`."""
    _validate(url, events)
    if len(list_all()) >= MAX_ENDPOINTS:
        raise ValidationError({"url": _("There are %(max)s webhooks already.", max=MAX_ENDPOINTS)})
    endpoint = WebhookEndpoint(
        url=url.strip(),
        events=_in_order(events),
        petition_id=petition_id,
        secret=make_secret(),
        id_key=secrets.token_bytes(ID_KEY_BYTES),
        created_by=created_by,
    )
    db.session.add(endpoint)
    db.session.flush()
    audit.record("webhook.created", SUBJECT, endpoint.id, after={"host": _host(endpoint), "events": endpoint.events})
    return endpoint


def change(endpoint: WebhookEndpoint, url: str, events: Collection[str]) -> None:
    """Change where events go and which. Raises `ValidationError`."""
    _validate(url, events)
    before = {"host": _host(endpoint), "events": endpoint.events}
    if url.strip() != endpoint.url:
        endpoint.failures, endpoint.backoff_until = 0, None
    endpoint.url, endpoint.events = url.strip(), _in_order(events)
    db.session.flush()
    after = {"host": _host(endpoint), "events": endpoint.events}
    audit.record("webhook.changed", SUBJECT, endpoint.id, before=before, after=after)


def _in_order(events: Collection[str]) -> list[str]:
    return [name for name in EVENT_TYPES if name in events]


def _host(endpoint: WebhookEndpoint) -> str:
    # Not the whole address: receivers' paths are often secrets.
    return parse_url(endpoint.url)[1]


def _validate(url: str, events: Collection[str]) -> None:
    errors = {}
    try:
        host = parse_url(url.strip())[1]
        if _is_forbidden_literal(host):
            errors["url"] = _("This address is not public: messages go to public addresses only.")
    except ForbiddenAddress:
        errors["url"] = _("Please enter an address that begins with https://.")
    if not events or not set(events) <= set(EVENT_TYPES):
        errors["events"] = _("Please choose at least one event.")
    if errors:
        raise ValidationError(errors)


def _is_forbidden_literal(host: str) -> bool:
    """Say whether a host is written as an address that is not public; a name is looked up when it is sent to."""
    try:
        return not is_allowed(ip_address(host))
    except ValueError:
        return False


def make_secret() -> str:
    """Return a new secret in the form of the specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def rotate(endpoint: WebhookEndpoint) -> str:
    """Give an endpoint a new secret and return it; the old one signs too for `OLD_SECRET_RETENTION`."""
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, clock.now() + OLD_SECRET_RETENTION
    endpoint.secret = make_secret()
    db.session.flush()
    audit.record("webhook.rotated", SUBJECT, endpoint.id)
    return endpoint.secret


def pause(endpoint: WebhookEndpoint) -> None:
    """Let events wait until `resume`. Raises `InvalidTransition`."""
    if endpoint.state != EndpointState.ACTIVE:
        raise InvalidTransition({"form": _("This webhook is not active.")})
    endpoint.state = EndpointState.PAUSED
    db.session.flush()
    audit.record("webhook.paused", SUBJECT, endpoint.id)


def resume(endpoint: WebhookEndpoint) -> None:
    """Send again, beginning with what waits. What happened while it was disabled is not sent."""
    if endpoint.state == EndpointState.ACTIVE:
        raise InvalidTransition({"form": _("This webhook is active.")})
    endpoint.state, endpoint.disabled_at = EndpointState.ACTIVE, None
    endpoint.failures, endpoint.backoff_until = 0, None
    db.session.flush()
    audit.record("webhook.resumed", SUBJECT, endpoint.id)
    run_after_commit(("wake", WEBHOOKS), wake_sender)


def send_test(endpoint: WebhookEndpoint) -> None:
    """Write a test message, which is sent as any event is. Raises `InvalidTransition` unless it is active."""
    if endpoint.state != EndpointState.ACTIVE:
        raise InvalidTransition({"form": _("This webhook is not active.")})
    endpoint.backoff_until = None
    event = WebhookEvent(
        endpoint_id=endpoint.id, type=EventType.TEST, data={"message": "This is a test."}, occurred_at=clock.now()
    )
    db.session.add(event)
    db.session.flush()
    audit.record("webhook.tested", SUBJECT, endpoint.id)
    run_after_commit(("wake", WEBHOOKS), wake_sender)


def delete(endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint with its events."""
    audit.record("webhook.deleted", SUBJECT, endpoint.id, before={"host": _host(endpoint)})
    db.session.delete(endpoint)
    db.session.flush()
