"""Requests of persons about their data: recorded, performed on every signature of the address, refused, extended.

Each step is in the audit trail, without the address. Functions flush and do not commit.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, func, select, update

from petition.backups import journal
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, NotFound, ValidationError
from petition.core.hashing import keyed_hashes
from petition.core.ids import find_by_id
from petition.delivery.bounces.models import Bounce
from petition.delivery.suppressions.suppression_list import find_by_address, hash_address, suppress
from petition.privacy import deadlines
from petition.privacy.held_data import given_as, list_signatures, names_address, searches_for
from petition.privacy.models import CHANNELS, REQUEST_KINDS, PersonRequest, RequestKind, RequestState
from petition.safeguards.email_addresses import Address, BadAddress, parse_email_address
from petition.signatures.models import Signature
from petition.signatures.personal.data_copy import to_dict
from petition.signatures.personal.self_service import erase, stop_all_news
from petition.signatures.request_models import AddressChange, ListRequest, SignRequest
from petition.signatures.search.models import SavedSearch
from petition.signatures.staff.actions import validate_reason
from petition.signatures.staff.restriction import restrict
from petition.team import audit

SUBJECT = "person_request"
MAX_AGE_DAYS = 366  # of the day on which a request arrived
MAX_REQUESTS_SHOWN = 100
MAX_COUNTED = 100


def hash_person(canonical: str) -> list[str]:
    """Return the keyed hashes under which the requests of an address stand."""
    return keyed_hashes("person request", canonical)


def parse_address(text: str) -> Address:
    """Return an address that somebody gave by letter or phone. Raises `ValidationError`."""
    try:
        return parse_email_address(text.strip())
    except BadAddress:
        advice = _("This does not look like a full email address. It should read like name@example.org.")
        raise ValidationError({"email": advice}) from None


def record_request(kind: str, channel: str, email: str, received_on: date, actor: str | None = None) -> PersonRequest:
    """Record a request, which is due within a month of the day it arrived. Raises `ValidationError` by field."""
    errors = {}
    if kind not in REQUEST_KINDS:
        errors["kind"] = _("Please choose one.")
    if channel not in CHANNELS:
        errors["channel"] = _("Please choose one.")
    if not clock.now().date() - timedelta(days=MAX_AGE_DAYS) <= received_on <= clock.now().date() + timedelta(days=1):
        errors["received_on"] = _("Give the day on which the request arrived, within the last year.")
    address = None
    try:
        address = parse_address(email)
    except ValidationError as error:
        errors |= error.errors
    if errors or address is None:
        raise ValidationError(errors)
    request = PersonRequest(
        kind=kind, channel=channel, email=address.typed, address_hash=hash_person(address.canonical)[0],
        state=RequestState.OPEN, received_on=received_on, due_on=deadlines.add_months(received_on, deadlines.MONTHS),
    )  # fmt: skip
    db.session.add(request)
    db.session.flush()
    after = {"kind": kind, "channel": channel, "received_on": received_on.isoformat()}
    audit.record("request.recorded", SUBJECT, request.id, after=after, actor=actor)
    return request


def get_request(request_id: int, *, lock: bool = False) -> PersonRequest:
    """Return a request. Raises `NotFound`."""
    request = find_by_id(PersonRequest, request_id, with_for_update=lock or None, populate_existing=lock)
    if request is None:
        raise NotFound({"request": f"there is no request {request_id}"})
    return request


def list_open() -> list[PersonRequest]:
    """Return the open requests, the most urgent first."""
    query = select(PersonRequest).where(PersonRequest.state == RequestState.OPEN)
    return list(db.session.scalars(query.order_by(PersonRequest.due_on, PersonRequest.id).limit(MAX_REQUESTS_SHOWN)))


def list_closed() -> list[PersonRequest]:
    """Return the requests that were answered or refused last."""
    query = select(PersonRequest).where(PersonRequest.state != RequestState.OPEN)
    return list(db.session.scalars(query.order_by(PersonRequest.id.desc()).limit(MAX_REQUESTS_SHOWN)))


def navigation_count() -> str:
    """Return how many requests are open, empty if none is."""
    query = select(PersonRequest.id).where(PersonRequest.state == RequestState.OPEN).limit(MAX_COUNTED).subquery()
    n = db.session.scalar(select(func.count()).select_from(query)) or 0
    return "" if not n else f"{MAX_COUNTED}+" if n == MAX_COUNTED else str(n)


def list_of_signature(signature: Signature) -> list[dict[str, Any]]:
    """Return the requests of a signature's address, for the copy of its signer's data."""
    query = select(PersonRequest).where(PersonRequest.address_hash.in_(hash_person(signature.email_canonical)))
    return [to_dict(row) for row in db.session.scalars(query.order_by(PersonRequest.id))]


def require_open(request: PersonRequest) -> Address:
    """Return the address of an open request. Raises `InvalidTransition` for one that was closed."""
    if request.state != RequestState.OPEN or request.email is None:
        raise InvalidTransition({"form": _("This request was closed already.")})
    return parse_email_address(request.email)


def perform(request: PersonRequest, actor: str | None = None) -> dict[str, int]:
    """Do what a request asks for to every signature of its address, close it, and return what was done how often.

    A copy and a correction are for the team to do before; closing them changes no signature. The address goes from the
    row. Raises `InvalidTransition` for one that was closed.
    """
    address = require_open(request)
    outcome = _PERFORM[request.kind](address, list_signatures(address, lock=True))
    _close(request, RequestState.DONE, outcome)
    audit.record("request.done", SUBJECT, request.id, after={"kind": request.kind, **outcome}, actor=actor)
    return outcome


def refuse(request: PersonRequest, reason: str, actor: str | None = None) -> None:
    """Close a request that need not be granted (article 12(5)); its person must be informed why, and of the appeal."""
    require_open(request)
    request.reason = validate_reason({"reason": reason})
    _close(request, RequestState.REFUSED, None)
    after = {"kind": request.kind, "reason": request.reason}
    audit.record("request.refused", SUBJECT, request.id, after=after, actor=actor)


def extend(request: PersonRequest, reason: str, actor: str | None = None) -> None:
    """Extend the time by two months, once; its person must be informed within the first month (article 12(3))."""
    require_open(request)
    if request.extended_at:
        raise InvalidTransition({"form": _("It was extended already: once is all that the law allows.")})
    request.reason = validate_reason({"reason": reason})
    request.extended_at = clock.now()
    request.due_on = deadlines.add_months(request.received_on, deadlines.EXTENDED_MONTHS)
    after = {"due_on": request.due_on.isoformat(), "reason": request.reason}
    audit.record("request.extended", SUBJECT, request.id, after=after, actor=actor)
    db.session.flush()


def _close(request: PersonRequest, state: RequestState, outcome: dict[str, int] | None) -> None:
    request.state, request.outcome, request.email, request.closed_at = state, outcome, None, clock.now()
    db.session.flush()


def _answer(_address: Address, signatures: list[Signature]) -> dict[str, int]:
    return {"found": len(signatures)}


def _stop_updates(_address: Address, signatures: list[Signature]) -> dict[str, int]:
    return {"stopped": sum(stop_all_news(signature) for signature in signatures)}


def _restrict(_address: Address, signatures: list[Signature]) -> dict[str, int]:
    return {"restricted": sum(restrict(signature) for signature in signatures)}


def _object(address: Address, signatures: list[Signature]) -> dict[str, int]:
    """Stop the news, and let nothing be sent to the address again, nor to how the signatures spell it."""
    outcome = _stop_updates(address, signatures)
    spellings = {address.typed, *(signature.email for signature in signatures if signature.email)}
    new = [spelling for spelling in sorted(spellings) if find_by_address(spelling) is None]
    for spelling in new:
        suppress(spelling, "objected")
    for spelling in sorted(spellings):
        journal.record_objection(hash_address(spelling)[0], address.canonical)
    return {**outcome, "suppressed": len(new)}


def _erase(address: Address, signatures: list[Signature]) -> dict[str, int]:
    """Delete the signatures, and what else names the address: waiting requests, searches, reports not understood."""
    for signature in signatures:
        erase(signature)
    forgotten = 0
    for statement in (
        delete(SignRequest).where(SignRequest.email_canonical == address.canonical),
        delete(AddressChange).where(given_as(address)),
        delete(ListRequest).where(ListRequest.email_canonical == address.canonical),
        delete(SavedSearch).where(searches_for(address)),
        update(Bounce).where(names_address(address)).values(raw=None),
    ):
        result = db.session.execute(statement.execution_options(synchronize_session=False))
        forgotten += int(getattr(result, "rowcount", 0))
    return {"erased": len(signatures), "forgotten": forgotten}


_PERFORM: dict[str, Callable[[Address, list[Signature]], dict[str, int]]] = {
    RequestKind.ACCESS: _answer, RequestKind.RECTIFY: _answer, RequestKind.STOP_UPDATES: _stop_updates,
    RequestKind.RESTRICT: _restrict, RequestKind.OBJECT: _object, RequestKind.ERASE: _erase,
}  # fmt: skip
