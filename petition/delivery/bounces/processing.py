"""Record each report once, match it with its delivery, and apply it: suppress the address or unsubscribe.

A report concerns the address that the email went to, whose keyed hash the delivery keeps: not the one in the report,
which is not to be trusted, nor the one that its subject has today.
"""

import email
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from email.policy import compat32

import structlog
from flask import current_app
from sqlalchemy import distinct, func, select, update
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces import dmarc_reports, handlers, replies, verp
from petition.delivery.bounces.emails import FORWARDED_REPLY_KIND
from petition.delivery.bounces.models import Bounce, BounceKind
from petition.delivery.bounces.parser import MAX_REPORT_BYTES, Report, parse_report
from petition.delivery.composers import AddressPurpose
from petition.delivery.models import Delivery
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.delivery.smtp.responses import sanitize_response
from petition.delivery.suppressions.suppression_list import suppress_hash

MAX_SOFT_BOUNCES = 3  # deliveries to one address within the window
SOFT_BOUNCE_WINDOW = timedelta(days=30)
APPLIED_KINDS = (BounceKind.PERMANENT, BounceKind.SOFT, BounceKind.COMPLAINT, BounceKind.UNSUBSCRIBE)
# They need be about no email of ours.
UNMATCHED_KINDS = (BounceKind.NOT_UNDERSTOOD, BounceKind.REPLY, BounceKind.DMARC)
MAX_RAW_BYTES = 64 * 1024  # of a report that was not understood, or a reply
MAX_FORWARDED_A_DAY = 200

log = structlog.get_logger(__name__)


def process_message(raw: bytes, source: str, envelope: Sequence[str] = ()) -> Bounce:
    """Process a message sent to a return path; the same message again changes nothing. Flushes, does not commit.

    `envelope`: the addresses it was sent to, where the transport knows them. Only a return path of ours, which nobody
    can forge, makes a report authentic: any other is stored for an operator to look at, and suppresses nobody.
    """
    report = parse_report(raw)
    _recognise_message(report, raw)
    for address in (*envelope, *report.recipients):
        match = verp.parse_address(address)
        if match is None:
            continue
        purpose, delivery_id = match
        if purpose == AddressPurpose.UNSUBSCRIBE or report.wants_to_unsubscribe:
            report.kind, report.response = BounceKind.UNSUBSCRIBE, "unsubscribe request by email"
        return process_report(report, raw, source, delivery_id)
    if report.wants_to_unsubscribe and report.answered_delivery:
        report.kind, report.response = BounceKind.UNSUBSCRIBE, "unsubscribe request by reply"
        return process_report(report, raw, source, report.answered_delivery)
    # A complaint is sent to an address of its own; our return path and unsubscribe address are in the copy.
    return process_report(report, raw, source, _find_own(report.copied_addresses))


def _recognise_message(report: Report, raw: bytes) -> None:
    """Recognise what is not a report about an email of ours: DMARC reports, and replies by people."""
    if report.kind != BounceKind.NOT_UNDERSTOOD:
        return
    message = email.message_from_bytes(raw[:MAX_REPORT_BYTES], policy=compat32)
    aggregate = dmarc_reports.find_report(list(message.walk()))
    if aggregate and dmarc_reports.is_ours(aggregate):
        is_new = dmarc_reports.record_report(aggregate)
        report.kind = BounceKind.DMARC
        again = "" if is_new else " (again)"
        report.response = sanitize_response(f"{aggregate.organisation} {aggregate.report_id}{again}")
    elif replies.is_reply(message):
        report.wants_to_unsubscribe = replies.wants_to_unsubscribe(message)
        report.answered_delivery = replies.find_answered_delivery(message)
        if current_app.config["PETITION_REPLIES_TO"] and _count_replies() < MAX_FORWARDED_A_DAY:
            report.kind, report.response = BounceKind.REPLY, "forwarded to the team"


def _count_replies() -> int:
    """Count the replies of the last day, up to the limit: anybody can write, and the team's mailbox is not flooded."""
    since = clock.now() - timedelta(days=1)
    rows = select(Bounce.id).where(Bounce.at > since, Bounce.kind == BounceKind.REPLY).limit(MAX_FORWARDED_A_DAY)
    return int(db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0)


def find_delivery_id(report: Report) -> int | None:
    """Return the delivery that a provider's report is about, by its Message-ID or by our return path."""
    return verp.parse_message_id(report.message_id) or _find_own(report.recipients)


def _find_own(addresses: Sequence[str]) -> int | None:
    return next((match[1] for match in map(verp.parse_address, addresses) if match), None)


def note_delivered(delivery_id: int | None) -> None:
    """Clear the count of soft bounces of an address, as an email arrived there after all. Flushes."""
    delivery = db.session.get(Delivery, delivery_id) if delivery_id else None
    if delivery and delivery.address_hash:
        _clear_soft_bounces(delivery.address_hash)


def process_report(report: Report, raw: bytes, source: str, delivery_id: int | None) -> Bounce:
    """Record a report and apply it. `delivery_id`: the delivery that it is proved to be about. Flushes."""
    delivery = db.session.get(Delivery, delivery_id) if delivery_id else None
    if delivery is None and report.kind not in UNMATCHED_KINDS:
        report.response = f"not sent to a return path of ours: {report.kind} {report.response}"[:200]
        report.kind = BounceKind.NOT_UNDERSTOOD
    if delivery is not None and delivery.address_hash is None and report.kind in APPLIED_KINDS:
        report.response = f"the address it went to was not recorded, so nobody is affected: {report.response}"[:200]
    values = {
        "kind": report.kind, "status": report.status[:12], "response": report.response[:200],
        "source": source[:20], "digest": hashlib.sha256(raw).hexdigest(),
        "delivery_id": delivery.id if delivery else None, "mailing_id": delivery.mailing_id if delivery else None,
        "address_hash": delivery.address_hash if delivery else None,
        "counts": report.counts,
        "raw": raw[:MAX_RAW_BYTES] if report.kind in (BounceKind.NOT_UNDERSTOOD, BounceKind.REPLY) else None,
    }  # fmt: skip
    new = db.session.scalar(insert(Bounce).values(values).on_conflict_do_nothing().returning(Bounce.id))
    if new and report.kind == BounceKind.REPLY:
        # Of no petition: `deliveries` of the team have 0.
        enqueue(FORWARDED_REPLY_KIND, NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=new, generation=0)])
    elif new and delivery is not None and delivery.address_hash is not None:
        _apply_report(report, delivery, delivery.address_hash)
    bounce = db.session.scalars(select(Bounce).where(Bounce.digest == values["digest"])).one()
    log.info(
        "report", bounce=bounce.id, kind=bounce.kind, status=bounce.status, delivery=bounce.delivery_id, new=bool(new)
    )
    return bounce


def _apply_report(report: Report, delivery: Delivery, address_hash: str) -> None:
    if report.kind in (BounceKind.COMPLAINT, BounceKind.UNSUBSCRIBE):
        handlers.handle_unsubscribe(delivery.kind, delivery.id, complaint=report.kind == BounceKind.COMPLAINT)
    if report.delivered:
        _clear_soft_bounces(address_hash)
    elif report.kind == BounceKind.PERMANENT:
        suppress_hash(address_hash, f"bounced: {report.status} {report.response}")
    elif report.kind == BounceKind.COMPLAINT:
        suppress_hash(address_hash, "complained about an email")
    elif report.counts and _count_soft_bounces(address_hash) >= MAX_SOFT_BOUNCES:
        suppress_hash(
            address_hash, f"bounced {MAX_SOFT_BOUNCES} times within {SOFT_BOUNCE_WINDOW.days} days: {report.status}"
        )


def _count_soft_bounces(address_hash: str) -> int:
    """Count the deliveries to an address with a soft bounce of the mailbox's within the window."""
    query = select(func.count(distinct(Bounce.delivery_id))).where(
        Bounce.address_hash == address_hash,
        Bounce.kind == BounceKind.SOFT,
        Bounce.counts,
        Bounce.at > clock.now() - SOFT_BOUNCE_WINDOW,
    )
    return int(db.session.scalar(query) or 0)


def _clear_soft_bounces(address_hash: str) -> None:
    is_counted = (Bounce.address_hash == address_hash) & (Bounce.kind == BounceKind.SOFT) & Bounce.counts
    db.session.execute(update(Bounce).where(is_counted).values(counts=False))
