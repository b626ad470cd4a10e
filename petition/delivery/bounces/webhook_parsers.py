"""Parse the webhooks of mail providers: what each posts about an email. `webhook_auth` says who may post them.

The classifier has the last word on a failure: a provider's "permanent" covers full mailboxes, expired retries, domains
without a mail server and its own suppression list. Sources: the webhook references of each provider, 2026.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from petition.delivery.bounces.complaints import COMPLAINT_TYPES
from petition.delivery.bounces.models import BounceKind
from petition.delivery.bounces.parser import Report, apply_classification
from petition.delivery.replies.classifier import Classification, ReplyClass, classify
from petition.delivery.smtp.responses import sanitize_response

Reports = list[Report] | None
# What a provider says of an email, in our terms: an event of no interest makes no report.
PERMANENT, SOFT, FULL, POLICY, COMPLAINT = "permanent", "soft", "full", "policy", "complaint"
DELAYED, DELIVERED, UNSUBSCRIBE, IGNORED = "delayed", "delivered", "unsubscribe", "ignored"

GENERIC_EVENTS = {
    "bounce": PERMANENT, "soft": SOFT, "complaint": COMPLAINT, "delayed": DELAYED, "delivered": DELIVERED,
}  # fmt: skip
# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html: (bounceType, bounceSubType).
SES_BOUNCES = {
    ("permanent", "general"): PERMANENT,
    ("permanent", "noemail"): PERMANENT,
    ("permanent", "suppressed"): POLICY,  # the provider's own list: it did not ask the mailbox's server
    ("permanent", "onaccountsuppressionlist"): POLICY,
    ("permanent", "unsubscribedrecipient"): POLICY,
    ("transient", "mailboxfull"): FULL,
    ("transient", "messagetoolarge"): POLICY,
    ("transient", "contentrejected"): POLICY,
    ("transient", "attachmentrejected"): POLICY,
    ("transient", "customtimeoutexceeded"): DELAYED,
}
# https://postmarkapp.com/developer/api/bounce-api#bounce-types
POSTMARK_EVENTS = {
    "HardBounce": PERMANENT, "BadEmailAddress": PERMANENT, "SpamComplaint": COMPLAINT, "Blocked": POLICY,
    "SpamNotification": POLICY, "DMARCPolicy": POLICY, "VirusNotification": POLICY, "ManuallyDeactivated": POLICY,
    "SoftBounce": SOFT, "DnsError": SOFT, "Unknown": SOFT, "Unsubscribe": UNSUBSCRIBE, "Transient": DELAYED,
    "AutoResponder": IGNORED, "AddressChange": IGNORED, "ChallengeVerification": IGNORED, "Subscribe": IGNORED,
    "OpenRelayTest": IGNORED, "Unconfirmed": IGNORED, "SMTPApiError": IGNORED, "InboundError": IGNORED,
    "TemplateRenderingFailed": IGNORED,
}  # fmt: skip
POSTMARK_RECORDS = {
    "Delivery": DELIVERED, "Open": IGNORED, "Click": IGNORED, "SubscriptionChange": IGNORED, "Inbound": IGNORED,
}  # fmt: skip
# https://documentation.mailgun.com/docs/mailgun/user-manual/events/events
MAILGUN_EVENTS = {
    "failed": PERMANENT, "rejected": POLICY, "complained": COMPLAINT, "delivered": DELIVERED,
    "unsubscribed": UNSUBSCRIBE, "accepted": IGNORED, "opened": IGNORED, "clicked": IGNORED, "stored": IGNORED,
}  # fmt: skip
MAILGUN_REASONS = {"suppress-": POLICY, "espblock": POLICY, "old": SOFT, "greylisted": DELAYED}
# https://developers.brevo.com/docs/transactional-webhooks
BREVO_EVENTS = {
    "hard_bounce": PERMANENT, "invalid_email": PERMANENT, "soft_bounce": SOFT, "deferred": DELAYED, "spam": COMPLAINT,
    "complaint": COMPLAINT, "blocked": POLICY, "error": SOFT, "delivered": DELIVERED, "unsubscribed": UNSUBSCRIBE,
    "request": IGNORED, "opened": IGNORED, "unique_opened": IGNORED, "click": IGNORED, "proxy_open": IGNORED,
    "unique_proxy_open": IGNORED, "sent": IGNORED, "contact_updated": IGNORED, "list_addition": IGNORED,
}  # fmt: skip
# An enhanced status of a provider's own that says no more than its event does.
VAGUE = (ReplyClass.UNKNOWN,)


def _build(event: str, status: Any, diagnostic: Any, failed_address: Any, message_id: Any) -> Report:
    """Return the report of an event, a failure by what the mailbox's server said."""
    diagnostic = str(diagnostic or "")
    identifier = str(message_id or "").strip("<> ")
    report = Report(
        response=sanitize_response(diagnostic),
        failed_address=str(failed_address or "")[:320],
        message_id=f"<{identifier}>".lower(),
    )
    meaning = classify(diagnostic, status=str(status or ""))
    report.status = meaning.status
    if event == PERMANENT and meaning.reply_class in VAGUE and not _contradicts(meaning):
        meaning = Classification(ReplyClass.NO_MAILBOX, True, meaning.status)
    if event in (PERMANENT, SOFT, FULL):
        apply_classification(report, meaning)
        if event != PERMANENT and report.kind == BounceKind.PERMANENT:
            report.kind, report.counts = BounceKind.SOFT, True  # the provider will try again
        report.counts = report.counts or event == FULL
    elif event == DELIVERED:
        report.kind, report.delivered = BounceKind.DELAYED, True
    else:
        report.kind = BounceKind(event)
    return report


def _contradicts(meaning: Classification) -> bool:
    """Return whether a server's own status is no permanent one."""
    return meaning.status.startswith(("4.", "2."))


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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _header(headers: Any, name: str) -> str:
    for header in _objects(headers):
        if str(header.get("name") or header.get("Name")).lower() == name:
            return str(header.get("value") or header.get("Value"))
    return ""


def _parse_generic(message: dict[str, Any]) -> Reports:
    event = GENERIC_EVENTS.get(_text(message.get("type")))
    if event is None:
        return None
    fields = ("status", "diagnostic", "recipient", "message_id")
    return [_build(event, *(message.get(name) for name in fields))]


def _parse_ses(message: dict[str, Any]) -> Reports:
    """Parse a notification of Amazon SES, alone or inside an SNS envelope.

    A notification without headers names the email by `mail.source`, our return path.
    """
    text = message.get("Message")
    inner = _json(text) if isinstance(text, str) else message
    mail, bounce, complaint = _object(inner, "mail"), _object(inner, "bounce"), _object(inner, "complaint")
    if not isinstance(inner, dict):
        is_test = "successfully validated sns topic" in _text(text).lower()
        return [] if is_test or message.get("Type") == "UnsubscribeConfirmation" else None
    kind = _text(inner.get("notificationType") or inner.get("eventType")).lower()
    message_id = _object(mail, "commonHeaders").get("messageId") or _header(mail.get("headers"), "message-id")
    reports = []
    for recipient in _objects(bounce.get("bouncedRecipients")):
        types = (_text(bounce.get("bounceType")).lower(), _text(bounce.get("bounceSubType")).lower())
        event = SES_BOUNCES.get(types) or (PERMANENT if types == ("permanent", "") else SOFT)
        fields = (recipient.get("status"), recipient.get("diagnosticCode"), recipient.get("emailAddress"))
        if types[0] == "transient" and event == SOFT and not recipient.get("diagnosticCode"):
            continue  # the answer of a machine, as an absence
        reports.append(_build(event, *fields, message_id))
    for recipient in _objects(complaint.get("complainedRecipients")):
        feedback = _text(complaint.get("complaintFeedbackType")).lower() or "abuse"
        event = COMPLAINT if feedback in COMPLAINT_TYPES else DELAYED
        reports.append(_build(event, "", f"reported: {feedback}", recipient.get("emailAddress"), message_id))
    if kind == "delivery":
        reports.append(_build(DELIVERED, "", _object(inner, "delivery").get("smtpResponse"), "", message_id))
    for report in reports:
        report.recipients.append(_text(mail.get("source")))
    return reports if reports or kind else None


def _parse_postmark(message: dict[str, Any]) -> Reports:
    record, kind = _text(message.get("RecordType")), _text(message.get("Type"))
    event = POSTMARK_RECORDS.get(record) or POSTMARK_EVENTS.get(kind) or (SOFT if kind else None)
    if event in (None, IGNORED):
        return [] if event else None
    diagnostic = message.get("Details") or message.get("Description")
    message_id = _object(message, "Metadata").get("message_id") or _header(message.get("Headers"), "message-id")
    return [_build(str(event), "", diagnostic, message.get("Email") or message.get("Recipient"), message_id)]


def _parse_mailgun(message: dict[str, Any]) -> Reports:
    data = _object(message, "event-data")
    status, event = _object(data, "delivery-status"), MAILGUN_EVENTS.get(_text(data.get("event")))
    if event in (None, IGNORED):
        return [] if event else None
    if event == PERMANENT:
        reason = _text(data.get("reason"))
        by_reason = next((kind for start, kind in MAILGUN_REASONS.items() if reason.startswith(start)), None)
        event = by_reason or (PERMANENT if data.get("severity") == "permanent" else DELAYED)
    diagnostic = " ".join(
        part for part in (str(status.get("code") or ""), _text(status.get("message")), _text(status.get("description")))
        if part
    )  # fmt: skip
    message_id = _object(data, "message", "headers").get("message-id")
    return [_build(str(event), status.get("enhanced-code"), diagnostic, data.get("recipient"), message_id)]


def _parse_brevo(message: dict[str, Any]) -> Reports:
    event = BREVO_EVENTS.get(_text(message.get("event")))
    if event in (None, IGNORED):
        return [] if event else None
    return [_build(str(event), "", message.get("reason"), message.get("email"), message.get("message-id"))]


PARSERS: Mapping[str, Callable[[dict[str, Any]], Reports]] = {
    "generic": _parse_generic,
    "ses": _parse_ses,
    "postmark": _parse_postmark,
    "mailgun": _parse_mailgun,
    "brevo": _parse_brevo,
}


def parse_webhook(provider: str, body: bytes) -> list[Report] | None:
    """Return a report for each email that a provider's message is about, none for events of no interest.

    Returns None when the message is not understood.
    """
    message = _json(body)
    return PARSERS[provider](message) if isinstance(message, dict) else None
