"""Parse a report: delivery status notifications (RFC 3464), abuse reports (RFC 5965), and nonstandard bounces."""

import email
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.policy import compat32

from flufl.bounce import all_failures

from petition.delivery.bounces.models import BounceKind
from petition.delivery.smtp.responses import sanitize_response

MAX_REPORT_BYTES = 1024 * 1024
MAX_NESTING_DEPTH = 50
# The address that a report was sent to, by whichever name the last server gives it.
RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
STATUS_PATTERN = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
ADDRESS_PATTERN = re.compile(r"[^\s<>,;\"@]+@[^\s<>,;\"@]+")
# It logs each detector that fails on a message; the others are still asked.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


@dataclass
class Report:
    """A parsed report. `recipients`: the addresses it was sent to. `failed_address`: the address that it is about."""

    kind: str = BounceKind.NOT_UNDERSTOOD
    status: str = ""
    response: str = ""
    failed_address: str = ""
    message_id: str = ""
    recipients: list[str] = field(default_factory=list)


def parse_report(raw: bytes) -> Report:
    """Parse a report; never raises, whatever it is given."""
    report = Report()
    try:
        message = email.message_from_bytes(raw[:MAX_REPORT_BYTES], policy=compat32)
        report.recipients = _recipients(message)
        parts = list(_parts(message))
        (
            _parse_complaint(parts, report)
            or _parse_delivery_status(parts, report)
            or _detect_auto_reply(message, report)
            or _parse_nonstandard(message, report)
        )
    except Exception as error:  # anybody can send a report: it is stored for an operator
        report.kind = BounceKind.NOT_UNDERSTOOD
        report.response = sanitize_response(f"cannot be parsed: {type(error).__name__}")
    return report


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


def _parse_complaint(parts: list[Message], report: Report) -> bool:
    """Parse an abuse report (ARF, RFC 5965)."""
    for part in parts:
        if part.get_content_type() != "message/feedback-report":
            continue
        fields = _fields(part)
        kind = fields.get("feedback-type", "abuse").lower()
        report.kind = BounceKind.DELAYED if kind == "not-spam" else BounceKind.COMPLAINT
        report.response, report.failed_address = (
            sanitize_response(f"reported: {kind}"),
            _extract_address(fields.get("original-rcpt-to", "")),
        )
        # It is sent to an address for complaints; our return path is in the email that it reports.
        return_paths = [str(value) for each in parts for value in each.get_all("Return-Path", [])]
        report.recipients += ADDRESS_PATTERN.findall(
            " ".join([fields.get("original-mail-from", ""), *return_paths])[:10_000]
        )
        return True
    return False


def _fields(part: Message) -> dict[str, str]:
    """Return the fields of a machine-readable part, which is a nested message or plain text."""
    payload = part.get_payload()
    first = payload[0] if isinstance(payload, list) and payload else None
    inner = first if isinstance(first, Message) else email.message_from_string(str(payload))
    return {name.lower(): str(value) for name, value in inner.items()}


def _parse_delivery_status(parts: list[Message], report: Report) -> bool:
    """Parse a delivery status notification (RFC 3464): its first recipient, as each of our emails has one."""
    for part in parts:
        payload = part.get_payload()
        if part.get_content_type() != "message/delivery-status" or not isinstance(payload, list):
            continue
        for block in payload:
            fields = {name.lower(): str(value) for name, value in block.items()} if isinstance(block, Message) else {}
            if "action" not in fields and "status" not in fields:
                continue
            action = fields.get("action", "failed").strip().lower()
            diagnostic = fields.get("diagnostic-code", "")
            report.status = _status(fields.get("status", ""), diagnostic)
            report.response = sanitize_response(diagnostic or action)
            report.failed_address = _extract_address(
                fields.get("original-recipient", "") or fields.get("final-recipient", "")
            )
            report.kind = classify_status(report.status) if action == "failed" else BounceKind.DELAYED
            return True
    return False


def _status(status: str, diagnostic: str) -> str:
    """Return the enhanced status; that of the diagnostic code is more precise than a gateway's x.0.0."""
    in_status, in_diagnostic = STATUS_PATTERN.search(status), STATUS_PATTERN.search(diagnostic)
    if in_status and in_status[0][1:] != ".0.0":
        return in_status[0]
    return in_diagnostic[0] if in_diagnostic else in_status[0] if in_status else ""


def classify_status(status: str) -> str:
    """Return the kind of bounce that a failed delivery's enhanced status means (RFC 3463)."""
    found = STATUS_PATTERN.fullmatch(status)
    if found is None:
        return BounceKind.SOFT
    level, subject, detail = found[1], int(found[2]), int(found[3])
    if subject == 7:
        return BounceKind.POLICY  # about the sender or the content, not about the mailbox
    if level != "5" or (subject, detail) in ((2, 2), (2, 3)):
        return BounceKind.SOFT  # temporary, mailbox full, or message too large
    # 5.1.7 and 5.1.8 are about the sender's address; subjects 3 to 6 are about mail systems, networks and protocols.
    gone = (subject == 1 and detail not in (7, 8)) or subject in (0, 2)
    return BounceKind.PERMANENT if gone else BounceKind.SOFT


def _detect_auto_reply(message: Message, report: Report) -> bool:
    """Recognise an automatic reply (RFC 3834), which says nothing about the mailbox."""
    if str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied"):
        report.kind, report.response = BounceKind.DELAYED, "an automatic reply"
        return True
    return False


def _parse_nonstandard(message: Message, report: Report) -> bool:
    """Recognise the text of mail servers that follow no standard, by flufl.bounce."""
    temporary, permanent = all_failures(message)
    addresses = permanent or temporary
    if not addresses:
        report.response = sanitize_response(str(message.get("Subject", "")))
        return False
    text = message.as_string()[:MAX_REPORT_BYTES]
    status = STATUS_PATTERN.search(text)
    report.status = status[0] if status else ""
    report.failed_address = _extract_address(next(iter(addresses)).decode("ascii", "replace"))
    report.kind = BounceKind.PERMANENT if permanent else BounceKind.SOFT
    if report.status.split(".")[1:2] == ["7"]:
        report.kind = BounceKind.POLICY
    report.response = sanitize_response("recognised by its text")
    return True


def _extract_address(value: str) -> str:
    found = ADDRESS_PATTERN.search(value[:1000].rpartition(";")[2])
    return found[0][:320] if found else ""
