"""What a mail server's answer means for the row, for the address and for the server."""

import re
import smtplib
from dataclasses import dataclass

from petition.delivery.models import DeliveryState

# RFC 3463 and RFC 7505: the mailbox or its domain does not exist, so no later email can arrive either.
MAILBOX_GONE_STATUSES = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
# RFC 5321 and RFC 4954: the server is closing, over its limits, or refuses our login: not this recipient's doing.
SERVER_TROUBLE_CODES = {421, 454, 530, 534, 535, 538}
MAX_RESPONSE_CHARACTERS = 200  # characters
MAX_PARSED_CHARACTERS = 2000  # characters that are looked at


@dataclass(frozen=True)
class Outcome:
    """What one attempt came to.

    `server_trouble`: the mail server as a whole is to be left alone for a while. `blameless`: the row had no part in
    it. `mailbox_gone`: the address is to be suppressed. `tried`: the mail server was asked to take it.
    """

    state: str
    code: int | None = None
    reason: str | None = None
    # The reason in short, the same for all that fail alike.
    cause: str = ""
    server_trouble: bool = False
    attempt_refunded: bool = False
    mailbox_gone: bool = False
    attempted: bool = True


def classify_acceptance(words: bytes) -> Outcome:
    """Return what a server's 250 means, with the words by which it names the email in its own log."""
    return Outcome(DeliveryState.SENT, 250, sanitize_response(words.decode("utf-8", "replace")) or None)


def classify_error(error: Exception, *, connecting: bool, send_again: bool) -> Outcome:
    """Return what an SMTP or connection error means.

    `connecting`: this email had not been offered yet. `send_again`: whether an email whose fate is not known
    may be sent a second time; if not, it becomes `unknown`.
    """
    if isinstance(error, smtplib.SMTPNotSupportedError):
        reason = sanitize_response(f"the mail server lacks what this address needs: {error}")
        return Outcome(DeliveryState.FAILED, None, reason, type(error).__name__)
    code, words = _code_and_text(error)
    reason, enhanced = sanitize_response(words), _enhanced_status(code, words)
    cause = f"{code} {enhanced}".strip() if code else type(error).__name__[:80]
    if connecting or code in SERVER_TROUBLE_CODES or isinstance(error, smtplib.SMTPSenderRefused):
        # Said of a recipient, it may be true of their domain alone: tried first each time, they would stop all others.
        blameless = not isinstance(error, smtplib.SMTPRecipientsRefused)
        return Outcome(DeliveryState.DEFERRED, code, reason, cause, server_trouble=True, attempt_refunded=blameless)
    if code is None:
        # The connection broke in the middle: the server may or may not have taken the email.
        return Outcome(DeliveryState.DEFERRED if send_again else DeliveryState.UNKNOWN, None, reason, cause)
    if 500 <= code <= 599:
        return Outcome(DeliveryState.FAILED, code, reason, cause, mailbox_gone=enhanced in MAILBOX_GONE_STATUSES)
    return Outcome(DeliveryState.DEFERRED, code, reason, cause)


def _enhanced_status(code: int | None, words: str) -> str:
    """Return the enhanced status code that the words begin with (RFC 2034), or nothing."""
    found = re.match(rf"{code}[ -]({code // 100}\.\d{{1,3}}\.\d{{1,3}})\b", words) if code else None
    return found[1] if found else ""


def _code_and_text(error: Exception) -> tuple[int | None, str]:
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return None, f"{type(error).__name__}: {error}"
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    # smtplib gives -1 for an answer it could not read as one.
    return (code if 400 <= code <= 599 else None), f"{code} {words}"


def sanitize_response(words: str) -> str:
    """Keep the server's words, without the address they often repeat, on one line, as text that can be stored."""
    words = words[:MAX_PARSED_CHARACTERS]
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
    if "@" in words:
        words = re.sub(r"<?[^\s<>@]+@[^\s<>]+>?", "<address>", words)
    return " ".join(words.split())[:MAX_RESPONSE_CHARACTERS]
