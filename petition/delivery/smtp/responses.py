"""Classify a mail server's response: what it means for the delivery, for the address, and for the server as a whole."""

import re
import smtplib
from dataclasses import dataclass

from petition.delivery.models import DeliveryState
from petition.delivery.replies.classifier import ReplyClass, classify

# RFC 5321 and RFC 4954: the server is closing, over its limits, or refuses our login, whoever the recipient is.
SERVER_TROUBLE_CODES = {421, 454, 530, 534, 535, 538}
SERVICE_CLOSING = 421  # the server closes the connection after this reply (RFC 5321, 3.8)
# Whoever the recipient is.
ABOUT_OUR_MAIL = (ReplyClass.RATE, ReplyClass.REPUTATION, ReplyClass.AUTHENTICATION)
MAX_POLICY_ATTEMPTS = 6  # of an email that is refused for its content or by a policy: some ten minutes
MAX_RESPONSE_CHARACTERS = 200
MAX_PARSED_CHARACTERS = 2000


@dataclass(frozen=True)
class Outcome:
    """The outcome of one attempt.

    `server_trouble`: all workers back off from the mail server. `server_suspected`: they do if mail to another provider
    meets the same. `rejection`: the class of a reply that may be about us, so that we are to back off from the
    recipient's provider (`pacing`), or "". `parked_for`: the provider whose back-off the email waits for. `kept`: it is
    never given up. `max_attempts`: after how many it is given up, if not after the queue's. `attempt_refunded`: the
    attempt does not count, as the failure is not the email's. `retry_at_once`: the email was not even begun, and is due
    again as soon as the server's back-off ends. `mailbox_gone`: the address is to be suppressed. `attempted`: the mail
    server was asked. `wait_seconds`: how long a deferred row waits, where its attempts do not say.
    """

    state: str
    code: int | None = None
    reason: str | None = None
    # The reason in short, the same for all failures of a kind.
    cause: str = ""
    server_trouble: bool = False
    server_suspected: bool = False
    rejection: str = ""
    parked_for: str | None = None
    kept: bool = False
    max_attempts: int | None = None
    attempt_refunded: bool = False
    retry_at_once: bool = False
    wait_seconds: float | None = None
    mailbox_gone: bool = False
    attempted: bool = True

    @property
    def server_answered(self) -> bool:
        """Whether the mail server replied to this email, so that it is not in trouble itself."""
        return self.attempted and self.code is not None and not (self.server_trouble or self.server_suspected)


def classify_acceptance(response: bytes) -> Outcome:
    """Return the outcome of a server's 250, with its response, by which its own log is searched."""
    return Outcome(DeliveryState.SENT, 250, sanitize_response(response.decode("utf-8", "replace")) or None)


def classify_error(error: Exception, *, connecting: bool, send_again: bool, sender_accepted: bool = False) -> Outcome:
    """Return the outcome of an SMTP or connection error.

    `connecting`: the email had not been offered yet. `send_again`: whether an email that may have been accepted is to
    be sent again; if not, it becomes `unknown`. `sender_accepted`: whether the server took our sender for another
    email a short while ago, so that a rejection of MAIL is about this one.
    """
    if isinstance(error, smtplib.SMTPNotSupportedError):
        reason = sanitize_response(f"the mail server does not support this address: {error}")
        return Outcome(DeliveryState.FAILED, None, reason, type(error).__name__)
    code, response = _code_and_response(error)
    reason, enhanced = sanitize_response(response), _enhanced_status(code, response)
    cause = f"{code} {enhanced}".strip() if code else type(error).__name__[:80]
    if connecting:
        return Outcome(
            DeliveryState.DEFERRED, code, reason, cause,
            server_trouble=True, attempt_refunded=True, retry_at_once=True,
        )  # fmt: skip
    # From here on the row waits its own backoff: if it did not, it would be tried first each time, and stop all others.
    # Before a recipient was named, a server that is closing or busy is so for everybody, whatever it took before.
    if isinstance(error, smtplib.SMTPSenderRefused) and (not sender_accepted or code in SERVER_TROUBLE_CODES):
        return Outcome(DeliveryState.DEFERRED, code, reason, cause, server_trouble=True, attempt_refunded=True)
    meaning = classify(response, code=code, status=enhanced)
    # x.2.1 is the rate of one mailbox (Gmail): whoever floods it must not delay the provider's others.
    about_us = meaning.reply_class in ABOUT_OUR_MAIL and not meaning.status.endswith(".2.1")
    is_at_recipient = not isinstance(error, smtplib.SMTPSenderRefused)
    if about_us and is_at_recipient and code == SERVICE_CLOSING:
        return Outcome(DeliveryState.DEFERRED, code, reason, cause, rejection=meaning.reply_class, kept=True)
    if code in SERVER_TROUBLE_CODES or not is_at_recipient:
        # The server greeted us: the reply may concern this recipient's domain alone; not before it was named.
        rejection = ReplyClass.TEMPORARY if is_at_recipient else ""
        return Outcome(DeliveryState.DEFERRED, code, reason, cause, server_suspected=True, rejection=rejection)
    if code is None:
        # The connection was lost during the dialogue: the server may have accepted the email.
        return Outcome(DeliveryState.DEFERRED if send_again else DeliveryState.UNKNOWN, None, reason, cause)
    # Some providers refuse for a while with a 5xx, for our rate or our reputation: the email waits and is tried again.
    if meaning.reply_class in ABOUT_OUR_MAIL:
        rejection = meaning.reply_class if about_us else ""
        return Outcome(DeliveryState.DEFERRED, code, reason, cause, rejection=rejection, kept=about_us)
    if meaning.reply_class in (ReplyClass.CONTENT, ReplyClass.POLICY) and code >= 500:
        # Of one email it may be the recipient's own choice; of several in a row it is a block, and they wait.
        return Outcome(
            DeliveryState.DEFERRED, code, reason, cause,
            rejection=meaning.reply_class, max_attempts=MAX_POLICY_ATTEMPTS,
        )  # fmt: skip
    if 500 <= code <= 599:
        return Outcome(DeliveryState.FAILED, code, reason, cause, mailbox_gone=meaning.gone)
    return Outcome(DeliveryState.DEFERRED, code, reason, cause)


def _enhanced_status(code: int | None, response: str) -> str:
    """Return the enhanced status code at the start of a response (RFC 2034), or ""."""
    found = re.match(rf"{code}[ -]({code // 100}\.\d{{1,3}}\.\d{{1,3}})\b", response) if code else None
    return found[1] if found else ""


def _code_and_response(error: Exception) -> tuple[int | None, str]:
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return None, f"{type(error).__name__}: {error}"
    response = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    # smtplib's code is -1 for a malformed reply.
    return (code if 400 <= code <= 599 else None), f"{code} {response}"


def sanitize_response(response: str) -> str:
    """Return a response on one line, printable, of limited length, and without the addresses that it may contain."""
    response = response[:MAX_PARSED_CHARACTERS]
    if not response.isprintable():
        response = "".join(c if c.isprintable() else " " for c in response)
    if "@" in response:
        response = re.sub(r"<?[^\s<>@]+@[^\s<>]+>?", "<address>", response)
    return " ".join(response.split())[:MAX_RESPONSE_CHARACTERS]
