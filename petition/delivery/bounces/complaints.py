"""Parse complaints: abuse reports (ARF, RFC 5965) and Microsoft's plain form (Junk Mail Reporting Program).

Only "abuse" and "opt-out" are complaints of a recipient. An authentication-failure report (RFC 6591) is about a forged
or forwarded copy, "not-spam" takes a complaint back, and "fraud", "virus" and "other" say nothing of what they want.
"""

import email
from email.message import Message

COMPLAINT_TYPES = ("abuse", "opt-out", "opt-out-list")
MAX_COPY_CHARACTERS = 100_000


def find_feedback(parts: list[Message]) -> dict[str, str] | None:
    """Return the fields of an abuse report, or None if there is none."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            return parse_fields(part)
    return None


def parse_fields(part: Message) -> dict[str, str]:
    """Return the fields of a machine-readable part, which is a nested message or plain text."""
    payload = part.get_payload()
    first = payload[0] if isinstance(payload, list) and payload else None
    inner = first if isinstance(first, Message) else email.message_from_string(str(payload))
    return {name.lower(): str(value) for name, value in inner.items()}


def is_microsoft_complaint(message: Message) -> bool:
    """Return whether a message is a complaint in Microsoft's plain form: the email itself, attached to a note.

    It has `X-HmXmrOriginalRecipient` in the copy, and no machine-readable part.
    """
    return bool(_find_header(list(message.walk()), "x-hmxmroriginalrecipient"))


def find_copies(parts: list[Message]) -> list[Message]:
    """Return the copies of our email in a report: attached whole, or its headers alone (`text/rfc822-headers`)."""
    copies = []
    for position, part in enumerate(parts):
        content_type = part.get_content_type()
        payload = part.get_payload()
        if content_type == "message/rfc822" and isinstance(payload, list):
            copies += [inner for inner in payload if isinstance(inner, Message)]
        elif position and content_type in ("text/rfc822-headers", "message/rfc822-headers", "message/rfc822"):
            decoded = part.get_payload(decode=True)
            text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)
            copies.append(email.message_from_string(text[:MAX_COPY_CHARACTERS].lstrip()))
    return copies


def find_own_addresses(parts: list[Message], fields: dict[str, str]) -> str:
    """Return the text in which our return path or unsubscribe address may be: fields of the report, and the copy.

    Both addresses are ours by their MAC, and only the email itself has them.
    """
    found = [fields.get("original-mail-from", "")]
    for copy in (*parts, *find_copies(parts)):
        for name in ("Return-Path", "List-Unsubscribe", "X-Original-Mail-From", "X-HmXmrOriginalMailFrom"):
            found += [str(value) for value in copy.get_all(name, [])]
    return " ".join(found)


def _find_header(parts: list[Message], name: str) -> str:
    return next((str(value) for part in (*parts, *find_copies(parts)) for value in part.get_all(name, [])), "")


def find_recipient(parts: list[Message], fields: dict[str, str]) -> str:
    """Return the field that names the recipient who complained, if it was not redacted."""
    return fields.get("original-rcpt-to", "") or _find_header(parts, "x-hmxmroriginalrecipient")
