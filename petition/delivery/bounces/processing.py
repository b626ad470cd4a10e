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
from petition.delivery.bounces import handlers, verp
from petition.delivery.bounces.models import Bounce, BounceKind
from petition.delivery.bounces.parser import Report, parse_report
from petition.delivery.composers import AddressPurpose
from petition.delivery.models import Delivery
from petition.delivery.rendering.message import encode_domain
from petition.delivery.suppressions.suppression_list import suppress

MAX_SOFT_BOUNCES = 3  # deliveries that bounced softly
SOFT_BOUNCE_WINDOW = timedelta(days=30)
MAX_RAW_BYTES = 64 * 1024  # bytes of what was not understood

log = structlog.get_logger(__name__)


def process_message(raw: bytes, source: str, envelope: Sequence[str] = ()) -> Bounce:
    """Take a message that came to a return path; the same message again changes nothing. Flushes, does not commit.

    `envelope`: where it was sent to, if the transport tells. Only a return path of ours, which nobody can forge, makes
    a report believed: any other is kept for somebody to look at, and suppresses nobody.
    """
    report = parse_report(raw)
    for address in (*envelope, *report.recipients):
        known = verp.parse_address(address)
        if known and known[0] == AddressPurpose.UNSUBSCRIBE:
            report.kind, report.response = BounceKind.UNSUBSCRIBE, "asked by mail to stop"
        if known:
            return process_report(report, raw, source, known[1])
    return process_report(report, raw, source, None)


def process_report(report: Report, raw: bytes, source: str, delivery_id: int | None) -> Bounce:
    """Record a report and do what follows from it. `delivery_id`: the delivery that it surely speaks of. Flushes."""
    delivery = db.session.get(Delivery, delivery_id) if delivery_id else None
    if delivery is None and report.kind != BounceKind.NOT_UNDERSTOOD:
        report.response = f"no return path of ours: {report.kind} {report.response}"[:200]
        report.kind = BounceKind.NOT_UNDERSTOOD
    address = _delivery_address(delivery)
    values = {
        "kind": report.kind, "status": report.status[:12], "response": report.response[:200],
        "source": source[:20], "digest": hashlib.sha256(raw).hexdigest(),
        "delivery_id": delivery.id if delivery else None, "mailing_id": delivery.mailing_id if delivery else None,
        "address_hash": _hash_address(address) if address else None,
        "raw": raw[:MAX_RAW_BYTES] if report.kind == BounceKind.NOT_UNDERSTOOD else None,
    }  # fmt: skip
    new = db.session.scalar(insert(Bounce).values(values).on_conflict_do_nothing().returning(Bounce.id))
    if new and delivery is not None:
        _apply_report(report, delivery, address)
    bounce = db.session.scalars(select(Bounce).where(Bounce.digest == values["digest"])).one()
    log.info(
        "report", bounce=bounce.id, kind=bounce.kind, status=bounce.status, delivery=bounce.delivery_id, new=bool(new)
    )
    return bounce


def _delivery_address(delivery: Delivery | None) -> str | None:
    """Return whom the delivery went to, unless they were erased since: a report's own word for it is a stranger's."""
    found = handlers.find_address(delivery.kind, delivery.subject_id) if delivery else None
    return encode_domain(found) if found else None


def _hash_address(address: str) -> str:
    return keyed_hashes("suppression", address.strip().lower())[0]


def _apply_report(report: Report, delivery: Delivery, address: str | None) -> None:
    if report.kind in (BounceKind.COMPLAINT, BounceKind.UNSUBSCRIBE):
        handlers.handle_unsubscribe(delivery.kind, delivery.id, complaint=report.kind == BounceKind.COMPLAINT)
    if address is None:
        return
    if report.kind == BounceKind.PERMANENT:
        suppress(address, f"bounced: {report.status} {report.response}"[:200])
    elif report.kind == BounceKind.COMPLAINT:
        suppress(address, "complained of an email")
    elif report.kind == BounceKind.SOFT and _count_soft_bounces(address) >= MAX_SOFT_BOUNCES:
        suppress(
            address, f"bounced {MAX_SOFT_BOUNCES} times within {SOFT_BOUNCE_WINDOW.days} days: {report.status}"[:200]
        )


def _count_soft_bounces(address: str) -> int:
    """Count the deliveries to an address that bounced softly lately."""
    query = select(func.count(distinct(Bounce.delivery_id))).where(
        Bounce.address_hash.in_(keyed_hashes("suppression", address.strip().lower())),
        Bounce.kind == BounceKind.SOFT, Bounce.at > clock.now() - SOFT_BOUNCE_WINDOW,
    )  # fmt: skip
    return int(db.session.scalar(query) or 0)
