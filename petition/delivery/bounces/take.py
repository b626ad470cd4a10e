"""Take a report in: once, matched with its delivery, and acted on as far as it can be believed."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import distinct, func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.delivery.bounces import owners, verp
from petition.delivery.bounces.models import COMPLAINT, NOT_UNDERSTOOD, PERMANENT, SOFT, UNSUBSCRIBE, Bounce
from petition.delivery.bounces.read import Report, read
from petition.delivery.compose import UNSUBSCRIBE as ASKED
from petition.delivery.letter import ascii_domain
from petition.delivery.models import Delivery
from petition.delivery.suppress import suppress

SOFT_LIMIT = 3  # deliveries that bounced softly
SOFT_WITHIN = timedelta(days=30)
KEPT = 64 * 1024  # bytes of what was not understood

log = structlog.get_logger(__name__)


def take(raw: bytes, source: str, envelope: Sequence[str] = ()) -> Bounce:
    """Take a message that came to a return path; the same message again changes nothing. Flushes, does not commit.

    `envelope`: where it was sent to, if the transport tells. Only a return path of ours, which nobody can forge, makes
    a report believed: any other is kept for somebody to look at, and suppresses nobody.
    """
    report = read(raw)
    for address in (*envelope, *report.recipients):
        known = verp.delivery_of(address)
        if known and known[0] == ASKED:
            report.kind, report.words = UNSUBSCRIBE, "asked by mail to stop"
        if known:
            return settle(report, raw, source, known[1])
    return settle(report, raw, source, None)


def settle(report: Report, raw: bytes, source: str, delivery_id: int | None) -> Bounce:
    """Record a report and do what follows from it. `delivery_id`: the delivery that it surely speaks of. Flushes."""
    delivery = db.session.get(Delivery, delivery_id) if delivery_id else None
    if delivery is None and report.kind != NOT_UNDERSTOOD:
        report.words = f"no return path of ours: {report.kind} {report.words}"[:200]
        report.kind = NOT_UNDERSTOOD
    address = _address(delivery)
    values = {
        "kind": report.kind, "status": report.status[:12], "words": report.words[:200],
        "source": source[:20], "digest": hashlib.sha256(raw).hexdigest(),
        "delivery_id": delivery.id if delivery else None, "mailing_id": delivery.mailing_id if delivery else None,
        "address_hash": _hash(address) if address else None,
        "raw": raw[:KEPT] if report.kind == NOT_UNDERSTOOD else None,
    }  # fmt: skip
    new = db.session.scalar(insert(Bounce).values(values).on_conflict_do_nothing().returning(Bounce.id))
    if new and delivery is not None:
        _act(report, delivery, address)
    bounce = db.session.scalars(select(Bounce).where(Bounce.digest == values["digest"])).one()
    log.info(
        "report", bounce=bounce.id, kind=bounce.kind, status=bounce.status, delivery=bounce.delivery_id, new=bool(new)
    )
    return bounce


def _address(delivery: Delivery | None) -> str | None:
    """Return whom the delivery went to, unless they were erased since: a report's own word for it is a stranger's."""
    found = owners.address_of(delivery.kind, delivery.subject_id) if delivery else None
    return ascii_domain(found) if found else None


def _hash(address: str) -> str:
    return keyed_hashes("suppression", address.strip().lower())[0]


def _act(report: Report, delivery: Delivery, address: str | None) -> None:
    if report.kind in (COMPLAINT, UNSUBSCRIBE):
        owners.leave(delivery.kind, delivery.id, complaint=report.kind == COMPLAINT)
    if address is None:
        return
    if report.kind == PERMANENT:
        suppress(address, f"bounced: {report.status} {report.words}"[:200])
    elif report.kind == COMPLAINT:
        suppress(address, "complained of an email")
    elif report.kind == SOFT and _soft(address) >= SOFT_LIMIT:
        suppress(address, f"bounced {SOFT_LIMIT} times within {SOFT_WITHIN.days} days: {report.status}"[:200])


def _soft(address: str) -> int:
    """Count the deliveries to an address that bounced softly lately."""
    query = select(func.count(distinct(Bounce.delivery_id))).where(
        Bounce.address_hash.in_(keyed_hashes("suppression", address.strip().lower())),
        Bounce.kind == SOFT, Bounce.at > clock.now() - SOFT_WITHIN,
    )  # fmt: skip
    return int(db.session.scalar(query) or 0)
