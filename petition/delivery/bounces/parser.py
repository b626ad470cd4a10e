"""Parse a report: complaints, delivery status notifications (RFC 3464), machines' answers, and nonstandard bounces."""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.policy import compat32

from petition.delivery.bounces.auto_replies import comes_from_mail_system, get_subject, is_auto_reply
from petition.delivery.bounces.complaints import (
    COMPLAINT_TYPES,
    find_feedback,
    find_own_addresses,
    find_recipient,
    is_microsoft_complaint,
)
from petition.delivery.bounces.models import BounceKind
from petition.delivery.bounces.text_bounces import find_failures, get_notice, is_delay, is_delivered
from petition.delivery.replies.classifier import ABOUT_RECIPIENT, ABOUT_US, Classification, ReplyClass, classify
from petition.delivery.smtp.responses import sanitize_response

MAX_REPORT_BYTES = 1024 * 1024
MAX_LINE_BYTES = 998  # RFC 5322, 2.1.1; the time that detectors take grows with the square of a line, and more
MAX_NESTING_DEPTH = 50
# The address that a report was sent to, by whichever name the last server gives it.
RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
ADDRESS_PATTERN = re.compile(r"[^\s<>,;:\"@]+@[^\s<>,;\"@?]+")
DELIVERED_ACTIONS = ("delivered", "relayed", "expanded")


@dataclass
class Report:
    """A parsed report. `recipients`: the addresses it was sent to. `failed_address`: the address that it is about.

    `copied_addresses`: those in the copy of our email within a complaint. `delivered`: the email arrived after all.
    `counts`: a failure of the recipient's mailbox, of which several suppress the address. `wants_to_unsubscribe`: a
    person asks so in a few words; `answered_delivery`: the email that a person answers from the address it went to.
    """

    kind: str = BounceKind.NOT_UNDERSTOOD
    status: str = ""
    response: str = ""
    failed_address: str = ""
    message_id: str = ""
    recipients: list[str] = field(default_factory=list)
    copied_addresses: list[str] = field(default_factory=list)
    delivered: bool = False
    counts: bool = False
    wants_to_unsubscribe: bool = False
    answered_delivery: int | None = None


def parse_report(raw: bytes) -> Report:
    """Parse a report; never raises, whatever it is given."""
    report = Report()
    try:
        lines = raw[:MAX_REPORT_BYTES].split(b"\n")
        message = email.message_from_bytes(b"\n".join(line[:MAX_LINE_BYTES] for line in lines), policy=compat32)
        report.recipients = _recipients(message)
        parts = list(_parts(message))
        (
            _parse_complaint(message, parts, report)
            or _parse_delivery_status(message, parts, report)
            or (comes_from_mail_system(message) and _parse_text_bounce(message, report))
            or _detect_auto_reply(message, report)
            or _parse_text_bounce(message, report)
        )
    except Exception as error:  # anybody can send a report: it is stored for an operator
        report.kind = BounceKind.NOT_UNDERSTOOD
        report.response = sanitize_response(f"cannot be parsed: {type(error).__name__}")
    return report


def apply_classification(report: Report, meaning: Classification) -> None:
    """Set what a failed delivery means: gone, about us, or a failure that counts if it is about the mailbox."""
    report.status = meaning.status
    if meaning.gone:
        report.kind = BounceKind.PERMANENT
    elif meaning.reply_class in ABOUT_US:
        report.kind = BounceKind.POLICY
    else:
        report.kind = BounceKind.SOFT
        report.counts = meaning.reply_class in ABOUT_RECIPIENT


def _recipients(message: Message) -> list[str]:
    values = [str(value) for name in RECIPIENT_HEADERS for value in message.get_all(name, [])]
    return ADDRESS_PATTERN.findall(" ".join(values)[:10_000])


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    yield message
    payload = message.get_payload()
    if isinstance(payload, list) and depth < MAX_NESTING_DEPTH:
        for part in payload:
            if isinstance(part, Message):
                yield from _parts(part, depth + 1)


def _parse_complaint(message: Message, parts: list[Message], report: Report) -> bool:
    """Parse an abuse report (ARF, RFC 5965), or a complaint in Microsoft's plain form."""
    fields = find_feedback(parts)
    if fields is None and not is_microsoft_complaint(message):
        return False
    fields = fields or {}
    kind = fields.get("feedback-type", "abuse").strip().lower()
    report.kind = BounceKind.COMPLAINT if kind in COMPLAINT_TYPES else BounceKind.DELAYED
    report.response = sanitize_response(f"reported: {kind}")
    report.failed_address = _extract_address(find_recipient(parts, fields))
    # It is sent to an address for complaints; our own addresses are in the email that it reports.
    report.copied_addresses = ADDRESS_PATTERN.findall(find_own_addresses(parts, fields)[:10_000])
    return True


def _parse_delivery_status(message: Message, parts: list[Message], report: Report) -> bool:
    """Parse a delivery status notification (RFC 3464): its first recipient, as each of our emails has one."""
    for part in parts:
        payload = part.get_payload()
        if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
            continue
        blocks = payload if isinstance(payload, list) else _split_blocks(part)
        for block in blocks:
            fields = {name.lower(): str(value) for name, value in block.items()} if isinstance(block, Message) else {}
            if "action" not in fields and "status" not in fields:
                continue
            _apply_status_fields(message, fields, report)
            return True
    return False


def _split_blocks(part: Message) -> list[Message]:
    """Return the blocks of a part whose content is encoded, which the parser leaves as it is."""
    decoded = part.get_payload(decode=True)
    text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else ""
    return [email.message_from_string(block) for block in re.split(r"\r?\n\r?\n", text[:10_000]) if block.strip()]


def _apply_status_fields(message: Message, fields: dict[str, str], report: Report) -> None:
    action = fields.get("action", "failed").split("(")[0].strip().lower()
    diagnostic, status = fields.get("diagnostic-code", ""), fields.get("status", "")
    report.response = sanitize_response(diagnostic or action)
    report.failed_address = _extract_address(fields.get("original-recipient", "") or fields.get("final-recipient", ""))
    meaning = classify(_strip_type(diagnostic), status=status)
    if not diagnostic.strip() or meaning.reply_class == ReplyClass.UNKNOWN:
        meaning = classify(get_notice(message), status=status)  # a status alone is not believed against its notice
    if action.startswith(DELIVERED_ACTIONS):
        report.kind, report.status, report.delivered = BounceKind.DELAYED, meaning.status, action != "expanded"
    elif action.startswith("delayed"):
        report.kind, report.status = BounceKind.DELAYED, meaning.status
    else:
        apply_classification(report, meaning)


def _strip_type(diagnostic: str) -> str:
    return re.sub(r"^\s*(x-)?[\w-]+\s*;", "", diagnostic)


def _detect_auto_reply(message: Message, report: Report) -> bool:
    if not is_auto_reply(message):
        return False
    report.kind, report.response = BounceKind.DELAYED, "an automatic reply"
    return True


def _parse_text_bounce(message: Message, report: Report) -> bool:
    """Parse the text of a mail server that follows no standard."""
    failed, is_warning = find_failures(message)
    notice = get_notice(message)
    from_system = comes_from_mail_system(message)
    meaning = classify(notice)
    # Without an address that it is about, only a mail system's own words are a bounce: people write anything.
    if not failed and not (from_system and (meaning.reply_class != ReplyClass.UNKNOWN or is_delay(notice))):
        report.response = sanitize_response(get_subject(message))
        return False
    report.failed_address = _extract_address(failed)
    report.response = sanitize_response("recognised by its text")
    if is_warning or is_delay(f"{get_subject(message)}\n{notice}"):
        report.kind, report.status = BounceKind.DELAYED, meaning.status
    elif is_delivered(f"{get_subject(message)}\n{notice}"):
        report.kind, report.delivered = BounceKind.DELAYED, True
    else:
        apply_classification(report, meaning)
    return True


def _extract_address(value: str) -> str:
    found = ADDRESS_PATTERN.search(value[:1000].rpartition(";")[2])
    return found[0][:320] if found else ""
