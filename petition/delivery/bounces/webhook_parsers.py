"""What mail providers post about emails: whether it is really them, and what they say."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from petition.delivery.bounces.models import BounceKind
from petition.delivery.bounces.parser import STATUS_PATTERN, Report, classify_status
from petition.delivery.smtp.responses import sanitize_response

MAX_CLOCK_DIFFERENCE_SECONDS = 300  # seconds that a signature's time may differ from ours


def is_authentic(provider: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Say whether a request was made by somebody who knows the secret, in the provider's own way of showing it.

    generic: `X-Petition-Signature: t=<seconds>,v1=<hex>`, an HMAC-SHA256 of "<seconds>.<body>". Mailgun: an HMAC-SHA256
    of timestamp and token inside the body. Others: HTTP Basic with the secret as password, or a Bearer token.
    """
    if provider == "generic":
        told = dict(item.split("=", 1) for item in headers.get("X-Petition-Signature", "").split(",") if "=" in item)
        signed = f"{told.get('t', '')}.".encode() + body
        return _is_recent(told.get("t", "")) and _equal_in_constant_time(_hmac(secret, signed), told.get("v1", ""))
    if provider == "mailgun":
        signature = _object(_json(body), "signature")
        stamp, token = str(signature.get("timestamp", "")), str(signature.get("token", ""))
        return _is_recent(stamp) and _equal_in_constant_time(
            _hmac(secret, f"{stamp}{token}".encode("utf-8", "replace")), str(signature.get("signature", ""))
        )
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    return _equal_in_constant_time(secret, value)


def _hmac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _equal_in_constant_time(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


def _is_recent(stamp: str) -> bool:
    return (
        stamp.isascii()
        and stamp.isdigit()
        and len(stamp) < 12
        and abs(time.time() - int(stamp)) <= MAX_CLOCK_DIFFERENCE_SECONDS
    )


def _json(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _object(value: Any, *path: str) -> dict[str, Any]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def parse_webhook(provider: str, body: bytes) -> list[Report]:
    """Return what a provider's message says, a report for each email; empty when it is not understood."""
    message = _json(body)
    if not isinstance(message, dict):
        return []
    return [report for report in PARSERS[provider](message) if report.kind]


def _build_report(kind: str, status: Any, words: Any, failed: Any, message_id: Any) -> Report:
    told = STATUS_PATTERN.search(str(status or "")) or STATUS_PATTERN.search(str(words or "")[:2000])
    status = told[0] if told else ""
    if kind in (BounceKind.PERMANENT, BounceKind.SOFT) and classify_status(status) == BounceKind.POLICY:
        kind = BounceKind.POLICY
    identifier = str(message_id or "").strip("<> ")
    return Report(kind, status, sanitize_response(str(words or "")), str(failed or "")[:320], f"<{identifier}>".lower())


def _generic(message: dict[str, Any]) -> Iterator[Report]:
    kind = {"bounce": BounceKind.PERMANENT, "soft": BounceKind.SOFT, "complaint": BounceKind.COMPLAINT}.get(
        str(message.get("type")), ""
    )
    yield _build_report(kind, message.get("status"), message.get("diagnostic"), message.get("recipient"),
                  message.get("message_id"))  # fmt: skip


def _ses(message: dict[str, Any]) -> Iterator[Report]:
    """Read Amazon SES's notification, alone or inside the envelope of SNS."""
    inner = _json(str(message.get("Message", ""))) if "Message" in message else message
    mail, bounce = _object(inner, "mail"), _object(inner, "bounce")
    listed = _object(mail, "commonHeaders").get("messageId") or _header(mail.get("headers"), "message-id")
    for who in _objects(bounce.get("bouncedRecipients")):
        kind = BounceKind.PERMANENT if bounce.get("bounceType") == "Permanent" else BounceKind.SOFT
        yield _build_report(kind, who.get("status"), who.get("diagnosticCode"), who.get("emailAddress"), listed)
    for who in _objects(_object(inner, "complaint").get("complainedRecipients")):
        yield _build_report(BounceKind.COMPLAINT, "", "reported", who.get("emailAddress"), listed)


def _header(headers: Any, name: str) -> str:
    for header in _objects(headers):
        if str(header.get("name") or header.get("Name")).lower() == name:
            return str(header.get("value") or header.get("Value"))
    return ""


def _postmark(message: dict[str, Any]) -> Iterator[Report]:
    kinds = {"HardBounce": BounceKind.PERMANENT, "BadEmailAddress": BounceKind.PERMANENT, "SpamComplaint": BounceKind.COMPLAINT, "Blocked": BounceKind.POLICY,
             "SpamNotification": BounceKind.POLICY, "DMARCPolicy": BounceKind.POLICY}  # fmt: skip
    if "Type" in message:
        listed = _object(message, "Metadata").get("message_id") or _header(message.get("Headers"), "message-id")
        yield _build_report(kinds.get(str(message["Type"]), BounceKind.SOFT), "", message.get("Details") or message.get("Description"),
                      message.get("Email"), listed)  # fmt: skip


def _mailgun(message: dict[str, Any]) -> Iterator[Report]:
    event = _object(message, "event-data")
    name, status = event.get("event"), _object(event, "delivery-status")
    kind = {"failed": BounceKind.PERMANENT if event.get("severity") == "permanent" else BounceKind.SOFT, "complained": BounceKind.COMPLAINT,
            "delivered": BounceKind.DELAYED}.get(str(name), "")  # fmt: skip
    listed = _object(event, "message", "headers").get("message-id")
    words = status.get("description") or status.get("message")
    yield _build_report(kind, status.get("enhanced-code"), words, event.get("recipient"), listed)


def _brevo(message: dict[str, Any]) -> Iterator[Report]:
    kinds = {"hard_bounce": BounceKind.PERMANENT, "invalid_email": BounceKind.PERMANENT, "soft_bounce": BounceKind.SOFT, "deferred": BounceKind.DELAYED,
             "spam": BounceKind.COMPLAINT, "complaint": BounceKind.COMPLAINT, "blocked": BounceKind.POLICY}  # fmt: skip
    yield _build_report(kinds.get(str(message.get("event")), ""), "", message.get("reason"), message.get("email"),
                  message.get("message-id"))  # fmt: skip


PARSERS = {"generic": _generic, "ses": _ses, "postmark": _postmark, "mailgun": _mailgun, "brevo": _brevo}
