"""Parse the webhooks of mail providers; `webhook_auth` says who may post them."""

import json
from collections.abc import Iterator
from typing import Any

from petition.delivery.bounces.models import BounceKind
from petition.delivery.bounces.parser import STATUS_PATTERN, Report, classify_status
from petition.delivery.smtp.responses import sanitize_response

# What each provider calls a kind of report.
GENERIC_KINDS = {"bounce": BounceKind.PERMANENT, "soft": BounceKind.SOFT, "complaint": BounceKind.COMPLAINT}
POSTMARK_KINDS = {
    "HardBounce": BounceKind.PERMANENT,
    "BadEmailAddress": BounceKind.PERMANENT,
    "SpamComplaint": BounceKind.COMPLAINT,
    "Blocked": BounceKind.POLICY,
    "SpamNotification": BounceKind.POLICY,
    "DMARCPolicy": BounceKind.POLICY,
}
MAILGUN_KINDS = {
    "failed": BounceKind.PERMANENT,
    "complained": BounceKind.COMPLAINT,
    "delivered": BounceKind.DELAYED,
}
BREVO_KINDS = {
    "hard_bounce": BounceKind.PERMANENT,
    "invalid_email": BounceKind.PERMANENT,
    "soft_bounce": BounceKind.SOFT,
    "deferred": BounceKind.DELAYED,
    "spam": BounceKind.COMPLAINT,
    "complaint": BounceKind.COMPLAINT,
    "blocked": BounceKind.POLICY,
}


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
    """Return a report for each email that a provider's message is about; none when it is not understood."""
    message = _json(body)
    if not isinstance(message, dict):
        return []
    return [report for report in PARSERS[provider](message) if report.kind]


def _build_report(kind: str, status: Any, diagnostic: Any, failed_address: Any, message_id: Any) -> Report:
    match = STATUS_PATTERN.search(str(status or "")) or STATUS_PATTERN.search(str(diagnostic or "")[:2000])
    status = match[0] if match else ""
    if kind in (BounceKind.PERMANENT, BounceKind.SOFT) and classify_status(status) == BounceKind.POLICY:
        kind = BounceKind.POLICY
    identifier = str(message_id or "").strip("<> ")
    response = sanitize_response(str(diagnostic or ""))
    return Report(kind, status, response, str(failed_address or "")[:320], f"<{identifier}>".lower())


def _parse_generic(message: dict[str, Any]) -> Iterator[Report]:
    yield _build_report(
        GENERIC_KINDS.get(str(message.get("type")), ""),
        message.get("status"),
        message.get("diagnostic"),
        message.get("recipient"),
        message.get("message_id"),
    )


def _parse_ses(message: dict[str, Any]) -> Iterator[Report]:
    """Parse a notification of Amazon SES, alone or inside an SNS envelope."""
    inner = _json(str(message.get("Message", ""))) if "Message" in message else message
    mail, bounce = _object(inner, "mail"), _object(inner, "bounce")
    message_id = _object(mail, "commonHeaders").get("messageId") or _header(mail.get("headers"), "message-id")
    for recipient in _objects(bounce.get("bouncedRecipients")):
        kind = BounceKind.PERMANENT if bounce.get("bounceType") == "Permanent" else BounceKind.SOFT
        yield _build_report(
            kind, recipient.get("status"), recipient.get("diagnosticCode"), recipient.get("emailAddress"), message_id
        )
    for recipient in _objects(_object(inner, "complaint").get("complainedRecipients")):
        yield _build_report(BounceKind.COMPLAINT, "", "reported", recipient.get("emailAddress"), message_id)


def _header(headers: Any, name: str) -> str:
    for header in _objects(headers):
        if str(header.get("name") or header.get("Name")).lower() == name:
            return str(header.get("value") or header.get("Value"))
    return ""


def _parse_postmark(message: dict[str, Any]) -> Iterator[Report]:
    if "Type" not in message:
        return
    kind = POSTMARK_KINDS.get(str(message["Type"]), BounceKind.SOFT)
    diagnostic = message.get("Details") or message.get("Description")
    message_id = _object(message, "Metadata").get("message_id") or _header(message.get("Headers"), "message-id")
    yield _build_report(kind, "", diagnostic, message.get("Email"), message_id)


def _parse_mailgun(message: dict[str, Any]) -> Iterator[Report]:
    event = _object(message, "event-data")
    status = _object(event, "delivery-status")
    kind = MAILGUN_KINDS.get(str(event.get("event")), "")
    if kind == BounceKind.PERMANENT and event.get("severity") != "permanent":
        kind = BounceKind.SOFT
    message_id = _object(event, "message", "headers").get("message-id")
    diagnostic = status.get("description") or status.get("message")
    yield _build_report(kind, status.get("enhanced-code"), diagnostic, event.get("recipient"), message_id)


def _parse_brevo(message: dict[str, Any]) -> Iterator[Report]:
    kind = BREVO_KINDS.get(str(message.get("event")), "")
    yield _build_report(kind, "", message.get("reason"), message.get("email"), message.get("message-id"))


PARSERS = {
    "generic": _parse_generic,
    "ses": _parse_ses,
    "postmark": _parse_postmark,
    "mailgun": _parse_mailgun,
    "brevo": _parse_brevo,
}
