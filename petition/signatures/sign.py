"""Sign: record what was submitted, and answer. A worker makes a signature of it (`sign_requests`)."""

import json
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db, execute_autocommit, read_detached
from petition.core.exceptions import InvalidTransition
from petition.core.logging import current_request_id
from petition.delivery.outbox import OutboxEntry, RecentEmails, enqueue, get_recent_emails
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS, Queue
from petition.delivery.wakeup import wake_soon
from petition.petitions.models import Petition
from petition.signatures.consent import get_or_create_passing_on_wording_id, get_or_create_wording_id
from petition.signatures.models import Signature
from petition.signatures.partner_news.consents import record_choices
from petition.signatures.queries import INSERT_SIGN_REQUEST_SQL
from petition.signatures.validation import Details

MAX_EMAILS_PER_DAY = 5  # to one signature
MIN_EMAIL_INTERVAL = timedelta(minutes=1)  # between two emails to one signature
FORM_COLUMNS = (
    "party", "name", "organisation", "profession", "city", "postal_code", "country", "listed", "updates", "passed_on",
    "locale", "named_when", "named_from", "team_sees_name",
)  # fmt: skip


class PetitionClosed(InvalidTransition):
    """The petition cannot be signed now."""

    def __init__(self) -> None:
        super().__init__({"form": _("This can no longer be signed: it is closed.")})


def sign(petition: Petition, details: Details, source: str, network: str | None = None) -> None:
    """Record a request to sign, and wake the worker that processes it. Commits by itself.

    `source` is where it comes from (`page`, `api`); `network` the keyed hash of the client's network.

    One autocommitted statement, the same for every address: whether a signature exists is not looked up, so that the
    response time does not reveal it. Once this returns, the request is durable. Raises `PetitionClosed`.
    """
    values = _column_values(petition, details, source, network)
    while petition.is_open:
        if execute_autocommit(INSERT_SIGN_REQUEST_SQL, values | {"version": petition.version}):
            wake_soon(CONFIRMATIONS.name)
            return
        # The petition changed since it was read: try with what it is now.
        petition = read_detached(select(Petition).where(Petition.id == petition.id))[0]
    raise PetitionClosed


def _column_values(petition: Petition, details: Details, source: str, network: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(details, name) for name in FORM_COLUMNS}
    return values | {
        "email": details.address.typed,
        "email_canonical": details.address.canonical,
        "updates_wording_id": get_or_create_wording_id(petition, details.locale) if details.updates else None,
        "passed_on_wording_id": (
            get_or_create_passing_on_wording_id(petition, details.locale) if details.passed_on else None
        ),
        "source": source,
        "network": network,
        "petition_id": petition.id,
        "request_id": current_request_id(),
        "review": details.review,
        "partner_consents": None if details.partners is None else json.dumps(record_choices(details.partners)),
    }


def get_todays_emails(signature_id: int) -> RecentEmails:
    """Return the emails that were enqueued for a signature in the last 24 hours, mailings apart."""
    return get_recent_emails(signature_id, (CONFIRMATIONS, NOTIFICATIONS), clock.now() - timedelta(days=1))


def may_send_email(recent: RecentEmails) -> bool:
    """Return whether a signature may get one more email: none waits, none left within a minute, not too many today."""
    interval_passed = recent.last_at is None or recent.last_at < clock.now() - MIN_EMAIL_INTERVAL
    return not recent.has_waiting and interval_passed and recent.emails < MAX_EMAILS_PER_DAY


def enqueue_email(signature: Signature, kind: str, queue: Queue) -> None:
    """Enqueue one more email to the owner of a signature, with a new link. Flushes."""
    signature.generation += 1
    db.session.flush()
    enqueue(kind, queue, [OutboxEntry(signature.petition_id, signature.id, signature.generation)])
