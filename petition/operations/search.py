"""The one search of the operators: what a number, a request id, a Message-ID, an address or a name stands for."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.ids import MAX_ID, find_by_id
from petition.delivery.models import Delivery
from petition.mailings.models import Mailing
from petition.mailings.progress import count_each_by_state
from petition.signatures.models import Signature
from petition.signatures.request_models import SignRequest
from petition.signatures.search.filters import parse_filter
from petition.signatures.search.search import STATEMENT_TIMEOUT, search, statement_timeout
from petition.signatures.staff.team_view import all_for_team, for_team
from petition.team.models import AuditEvent

MAX_RESULTS = 25
NUMBER = re.compile(r"#?(\d{1,19})")
REQUEST_ID = re.compile("[0-9a-f]{32}")
MESSAGE_ID = re.compile(r"<?d(\d{1,19})\.[^@\s]*@[^\s>]+>?")  # as `delivery.rendering` makes it


@dataclass(frozen=True)
class Found:
    """What was found, newest first. `by` says how it was searched, and is no personal data."""

    by: str
    signatures: list[Any] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    mailings: list[Mailing] = field(default_factory=list)
    mailing_counts: dict[int, dict[str, int]] = field(default_factory=dict)
    waiting_requests: int = 0  # submitted forms that no worker has made a signature of yet
    acts: list[AuditEvent] = field(default_factory=list)

    def __len__(self) -> int:
        listed = len(self.signatures) + len(self.deliveries) + len(self.mailings) + len(self.acts)
        return listed + self.waiting_requests


def find(query: str) -> Found:
    """Return what a query stands for. Raises `SearchTimeout` where that would take longer than some seconds."""
    query = query.strip()
    if match := MESSAGE_ID.fullmatch(query):
        return Found("message", deliveries=_find_deliveries(int(match[1])))
    if REQUEST_ID.fullmatch(query.lower()):
        return _find_by_request(query.lower())
    if match := NUMBER.fullmatch(query):
        return _find_by_number(int(match[1]))
    return Found("address" if "@" in query else "name", signatures=find_signatures(query))


def find_signatures(query: str) -> list[Any]:
    """Find signatures by email address, in any spelling of the same mailbox, or by prefixes of words of the name.

    Returns at most `MAX_RESULTS`, newest first. Raises `SearchTimeout`.
    """
    field_name = "email" if "@" in query else "name"
    try:
        criteria = parse_filter({field_name: query})
    except ValidationError:
        return []
    return all_for_team(search(criteria, limit=MAX_RESULTS).items) if criteria.criteria() else []


def _find_deliveries(number: int) -> list[Delivery]:
    delivery = find_by_id(Delivery, number)
    return [delivery] if delivery else []


def _find_by_number(number: int) -> Found:
    if number > MAX_ID:
        return Found("number")
    signature, mailing = db.session.get(Signature, number), db.session.get(Mailing, number)
    return Found(
        "number",
        signatures=[for_team(signature)] if signature else [],
        deliveries=_find_deliveries(number),
        mailings=[mailing] if mailing else [],
        mailing_counts=count_each_by_state([mailing.id]) if mailing else {},
    )


def _find_by_request(request_id: str) -> Found:
    """Return what an HTTP request caused. No index has request ids: signing must not pay for this search."""
    with statement_timeout(STATEMENT_TIMEOUT):
        waiting = select(SignRequest.id).where(SignRequest.request_id == request_id).limit(MAX_RESULTS)
        deliveries = select(Delivery).where(Delivery.request_id == request_id)
        acts = select(AuditEvent).where(AuditEvent.request_id == request_id)
        return Found(
            "request",
            deliveries=list(db.session.scalars(deliveries.order_by(Delivery.id.desc()).limit(MAX_RESULTS))),
            waiting_requests=len(db.session.scalars(waiting).all()),
            acts=list(db.session.scalars(acts.order_by(AuditEvent.id.desc()).limit(MAX_RESULTS))),
        )
