"""One verified connection to the mail server per thread, kept open between emails.

What Flask-Mail does here: it reads the `MAIL_*` settings, holds back emails when `MAIL_SUPPRESS_SEND` is set, and
announces each email (`email_dispatched`), which `record_messages` and the tests use. What it does not do, and this
module does: verify the certificate, bound every wait, and keep a connection for many messages.
"""

import math
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import flask_mail
import structlog
from flask import Flask, current_app

from petition.delivery.models import DeliveryState
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.smtp.client import Envelope, LeaseExpired, Smtp, SmtpSsl
from petition.delivery.smtp.responses import SERVICE_CLOSING, Outcome, classify_acceptance, classify_error

MAX_IDLE_SECONDS = 20.0  # then NOOP checks that a connection still works before it is used
SENDER_ACCEPTED_SECONDS = 600.0  # how long a rejection of MAIL is about its email, after another was accepted

log = structlog.get_logger(__name__)
_thread = threading.local()


class Mail(flask_mail.Mail):
    """Flask-Mail with our `Connection`."""

    def connect(self) -> "Connection":
        """Return this thread's connection, not yet opened."""
        return Connection(self.app.extensions["mail"] if self.app else self)


class Connection(flask_mail.Connection):
    """A connection to the mail server that verifies its certificate and bounds every wait."""

    host: Smtp | SmtpSsl | None
    used_at = 0.0
    accepted_at = -math.inf  # when the server last accepted an email, on this connection or one before it (monotonic)
    next_envelope: Envelope | None = None  # of the email that is sent after the next one

    def configure_host(self) -> Smtp | SmtpSsl:
        """Connect, secure and log in. Raises `OSError` or `smtplib.SMTPException`."""
        mail, timeout = self.mail, current_app.config["MAIL_TIMEOUT"]
        host: Smtp | SmtpSsl
        if mail.use_ssl:
            host = SmtpSsl(mail.server, mail.port, timeout=timeout, context=_tls_context())
        else:
            host = Smtp(mail.server, mail.port, timeout=timeout)
        try:
            host.set_debuglevel(int(mail.debug))
            if mail.use_tls:
                host.starttls(context=_tls_context())
            if mail.username and mail.password:
                host.login(mail.username, mail.password)
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        return host

    def ensure_open(self, envelope: Envelope) -> None:
        """Make sure of an open connection for an email: check an idle one with NOOP, and reconnect where it is lost."""
        if self.host is not None and self.num_emails >= current_app.config["MAIL_MAX_EMAILS"]:
            self.shut()
        is_idle = time.monotonic() - self.used_at > MAX_IDLE_SECONDS
        if (
            self.host is not None
            and self.host.pipelined_envelope
            and (is_idle or self.host.pipelined_envelope != envelope)
        ):
            self.shut()  # the server expects another email, or has waited too long for this one
        if self.host is not None and is_idle:
            try:
                if self.host.noop()[0] != 250:
                    self.shut()
            except (OSError, smtplib.SMTPException):
                self.shut()
        if self.host is None and not self.mail.suppress:
            self.host = self.configure_host()
            self.num_emails = 0

    def send(self, message: flask_mail.Message, envelope_from: str | tuple[str, str] | None = None) -> None:
        """Send one email; return once the server has taken responsibility for it (its 250)."""
        assert isinstance(message, OutgoingMessage)  # Flask-Mail's own messages are not serialised safely
        if self.host is not None:
            is_last = self.num_emails + 1 >= current_app.config["MAIL_MAX_EMAILS"]
            next_envelope = None if is_last else self.next_envelope
            self.host.send_email((str(envelope_from), message.to), message.as_signed_bytes(), next_envelope)
        flask_mail.email_dispatched.send(current_app._get_current_object(), message=message)  # type: ignore[attr-defined]
        self.num_emails += 1
        self.used_at = self.accepted_at = time.monotonic()

    def recover(self) -> None:
        """Reset the dialogue after an error (RSET), or disconnect."""
        if self.host is not None and self.host.pipelined_envelope and self.host.sock is not None:
            return  # the server refused one email and expects the next one, whose envelope it has
        try:
            if self.host is not None and self.host.rset()[0] != 250:
                self.shut()
        except (OSError, smtplib.SMTPException):
            self.shut()

    def shut(self) -> None:
        """Disconnect, with QUIT where possible."""
        host, self.host = self.host, None
        if host is not None and host.pipelined_envelope:
            host.close()  # QUIT would be read as the text of an email
        elif host is not None:
            try:
                host.quit()
            except (OSError, smtplib.SMTPException):
                host.close()


@cache
def _tls_context() -> ssl.SSLContext:
    # Cached: reading the system's certificate authorities takes 34 ms, as long as a hundred emails.
    return ssl.create_default_context()


mail = Mail()


def deliver(
    message: OutgoingMessage, envelope_from: str, *, lease_deadline: float = math.inf, send_again: bool,
    next_envelope: Envelope | None = None, relay: Any = None,
) -> Outcome:  # fmt: skip
    """Try to send one email on this thread's connection and return the outcome. Raises no SMTP or connection error.

    `lease_deadline`: when another worker may claim it (monotonic seconds). `send_again`: whether an email that may have
    been accepted is to be sent again. `next_envelope`: of the email that is sent next; if none is after all, call
    `abort_pipelined`. `relay`: Flask-Mail's settings of the mail server, by default those of MAIL_SERVER.
    """
    connection = _get_connection(relay or current_app.extensions["mail"])
    connecting, began = True, time.monotonic()
    try:
        while True:
            connecting = True
            connection.ensure_open((envelope_from, message.to))
            connecting, connection.next_envelope = False, next_envelope
            if connection.host is not None:
                connection.host.start_email(lease_deadline)
            try:
                connection.send(message, envelope_from)
                break
            except smtplib.SMTPSenderRefused:
                # A server may limit the emails of a connection: only the rejection on a new one is about this email.
                if not connection.num_emails:
                    raise
                connection.shut()
    except LeaseExpired as error:
        connection.recover()
        # Slow where this email alone took longer than one reply may; else it was only begun late in its lease.
        is_slow = time.monotonic() - began > current_app.config["MAIL_TIMEOUT"]
        return Outcome(
            DeliveryState.DEFERRED, reason=f"{type(error).__name__}: {error}", cause=type(error).__name__,
            server_trouble=is_slow, attempt_refunded=True, retry_at_once=True,
        )  # fmt: skip
    except (OSError, smtplib.SMTPException) as error:
        offered = connection.host is not None and connection.host.offered
        outcome = classify_error(
            error,
            connecting=connecting,
            send_again=send_again or not offered,
            sender_accepted=time.monotonic() - connection.accepted_at < SENDER_ACCEPTED_SECONDS,
        )
        if outcome.code == SERVICE_CLOSING:
            connection.shut()  # the server closes: what was pipelined for the next email is lost with the connection
        else:
            connection.recover()
        return outcome
    except Exception as error:
        # Not the server's fault: an email that cannot be serialised must not fail its batch.
        log.exception("an email could not be sent")
        connection.shut()
        return Outcome(
            DeliveryState.FAILED, reason=f"the email could not be built: {type(error).__name__}", cause="not built"
        )
    return classify_acceptance(getattr(connection.host, "response", b""))


def _get_connection(relay: Any) -> Connection:
    for connection in _list_connections():
        if connection.mail is relay:
            return connection
    connection = Connection(relay)
    _list_connections().append(connection)
    return connection


def _list_connections() -> list[Connection]:
    """Return this thread's connections, one to each relay."""
    if not hasattr(_thread, "connections"):
        _thread.connections = []
    connections: list[Connection] = _thread.connections
    return connections


def abort_pipelined() -> None:
    """Disconnect where the envelope of an email was pipelined that this thread does not send after all."""
    for connection in _list_connections():
        if connection.host is not None and connection.host.pipelined_envelope:
            connection.shut()


@contextmanager
def close_on_exit() -> Iterator[None]:
    """Disconnect this thread at the end: for commands and tests."""
    try:
        yield
    finally:
        for connection in _list_connections():
            connection.shut()
        _list_connections().clear()


def init_app(app: Flask) -> None:
    """Bind Flask-Mail to the settings."""
    mail.init_app(app)
