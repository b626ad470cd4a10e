"""The list of all that an address signed on this site, mailed to that address whoever asks for it.

A request is answered before it is known whether the address signed anything, so that time does not reveal it; a worker
processes it.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from petition.core.db import db, run_after_commit
from petition.core.exceptions import ValidationError
from petition.delivery.queues import MAINTENANCE, NOTIFICATIONS
from petition.delivery.wakeup import wake
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.signatures.labels import invalid_address_message
from petition.signatures.models import CONFIRMED_STATES, Signature, SignatureState
from petition.signatures.queries import TAKE_LIST_REQUESTS
from petition.signatures.request_models import ListRequest
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email

TASK_NAME = "petition.signatures.tasks.run_list_requests"
BATCH_SIZE = 100
MAX_LISTED = 200
LISTED_STATES = (SignatureState.PENDING, *CONFIRMED_STATES, SignatureState.WITHDRAWN)


def record_request(address: str) -> None:
    """Record a request for an address, which need not have signed anything. Flushes. Raises `ValidationError`."""
    try:
        canonical = parse_email_address(address).canonical
    except BadAddress:
        raise ValidationError({"email": invalid_address_message()}) from None
    db.session.add(ListRequest(email_canonical=canonical))
    db.session.flush()
    run_after_commit(TASK_NAME, _wake_worker)


def _wake_worker() -> None:
    wake(MAINTENANCE, TASK_NAME, args=())


def process_requests() -> int:
    """Enqueue the lists that were asked for, and return how many requests there were. Commits.

    The list goes to the address of the newest signature as it was confirmed, never to another spelling that was typed.
    """
    taken = 0
    while addresses := db.session.scalars(TAKE_LIST_REQUESTS, {"batch_size": BATCH_SIZE}).all():
        taken += len(addresses)
        query = (
            select(Signature)
            .where(Signature.email_canonical.in_(sorted(set(addresses))), Signature.state.in_(LISTED_STATES))
            .ext(distinct_on(Signature.email_canonical))
            .order_by(Signature.email_canonical, Signature.id.desc())
        )
        for signature in list(db.session.scalars(query)):
            enqueue_list(signature)
        db.session.commit()
    db.session.rollback()
    return taken


def enqueue_list(signature: Signature) -> None:
    """Enqueue the list to the owner of a signature's address, unless an email has just left. Flushes."""
    if may_send_email(get_todays_emails(signature.id)):
        enqueue_email(signature, "own_signatures", NOTIFICATIONS)


def list_signatures(signature: Signature) -> list[Signature]:
    """Return all that the address of a signature signed, newest first."""
    query = select(Signature).where(
        Signature.email_canonical == signature.email_canonical,
        Signature.email == signature.email,
        Signature.state.in_(LISTED_STATES),
    )
    return list(db.session.scalars(query.order_by(Signature.id.desc()).limit(MAX_LISTED)))
