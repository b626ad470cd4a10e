"""Talk to the mail server: one verified connection per thread, kept open and never trusted to be alive."""

import math
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import flask_mail
import structlog
from flask import Flask, current_app

from petition.delivery.models import DeliveryState
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.smtp.client import Envelope, LeaseExpired, Smtp, SmtpSsl
from petition.delivery.smtp.responses import Outcome, classify_acceptance, classify_error

MAX_IDLE_SECONDS = 20.0  # seconds after which a connection is asked whether it still lives

log = structlog.get_logger(__name__)
_thread = threading.local()


class Mail(flask_mail.Mail):
    """Flask-Mail, with connections that verify, time out and last."""

    def connect(self) -> "Connection":
        """Return this thread's connection, not yet opened."""
        return Connection(self.app.extensions["mail"] if self.app else self)


class Connection(flask_mail.Connection):
    """A connection to the mail server whose certificate is verified and whose every wait is bounded."""

    host: Smtp | SmtpSsl | None
    used_at = 0.0
    next_envelope: Envelope | None = None  # of the email that is to be sent after the next one

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
        """Open the connection, or prove with NOOP that an idle one still lives, or open it again, for an email."""
        if self.host is not None and self.num_emails >= current_app.config["MAIL_MAX_EMAILS"]:
            self.shut()
        is_idle = time.monotonic() - self.used_at > MAX_IDLE_SECONDS
        if (
            self.host is not None
            and self.host.pipelined_envelope
            and (is_idle or self.host.pipelined_envelope != envelope)
        ):
            self.shut()  # it waits for another email, or has waited for this one too long
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
        """Hand one letter over; returns once the server has taken responsibility for it (its 250)."""
        assert isinstance(message, OutgoingMessage)  # Flask-Mail's own messages are not built for real servers
        if self.host is not None:
            is_last = self.num_emails + 1 >= current_app.config["MAIL_MAX_EMAILS"]
            following = None if is_last else self.next_envelope
            self.host.send_email((str(envelope_from), message.to), message.as_bytes(), following)
        flask_mail.email_dispatched.send(current_app._get_current_object(), message=message)  # type: ignore[attr-defined]
        self.num_emails += 1
        self.used_at = time.monotonic()

    def recover(self) -> None:
        """Leave a conversation that went wrong with RSET, or else hang up."""
        if self.host is not None and self.host.pipelined_envelope and self.host.sock is not None:
            return  # the server refused one email and has begun with the next
        try:
            if self.host is not None and self.host.rset()[0] != 250:
                self.shut()
        except (OSError, smtplib.SMTPException):
            self.shut()

    def shut(self) -> None:
        """Hang up, politely if the server still listens."""
        host, self.host = self.host, None
        if host is not None and host.pipelined_envelope:
            host.close()  # QUIT would be read as the words of an email
        elif host is not None:
            try:
                host.quit()
            except (OSError, smtplib.SMTPException):
                host.close()


@cache
def _tls_context() -> ssl.SSLContext:
    # Read once, as it takes as long as a hundred emails: the certificates of the authorities that this system trusts.
    return ssl.create_default_context()


mail = Mail()


def deliver(
    letter: OutgoingMessage, envelope_from: str, *, lease_deadline: float = math.inf, send_again: bool,
    next_envelope: Envelope | None = None,
) -> Outcome:  # fmt: skip
    """Try to send one letter on this thread's connection and say what came of it; never raises on the mail's account.

    `held_until`: when (monotonic) somebody else may send it. `send_again`: whether a letter whose fate is not known may
    be tried again. `following`: the envelope of the letter that is tried next; if it is not, `stand_down`.
    """
    connection: Connection | None = getattr(_thread, "connection", None)
    if connection is None or connection.mail is not current_app.extensions["mail"]:
        connection = _thread.connection = Connection(current_app.extensions["mail"])
    connecting = True
    try:
        connection.ensure_open((envelope_from, letter.to))
        connecting, connection.next_envelope = False, next_envelope
        if connection.host is not None:
            connection.host.start_email(lease_deadline)
        connection.send(letter, envelope_from)
    except (OSError, smtplib.SMTPException) as error:
        offered = connection.host is not None and connection.host.offered
        connection.recover()
        early = connecting or isinstance(error, LeaseExpired)
        return classify_error(error, connecting=early, send_again=send_again or not offered)
    except Exception as error:
        # Not the server's doing: an email that cannot be put into octets must not take its batch along.
        log.exception("an email could not be sent")
        connection.shut()
        return Outcome(
            DeliveryState.FAILED, reason=f"the email could not be built: {type(error).__name__}", cause="not built"
        )
    return classify_acceptance(getattr(connection.host, "response", b""))


def abort_pipelined() -> None:
    """Hang up if the mail server was told of an email that this thread does not send after all."""
    connection: Connection | None = getattr(_thread, "connection", None)
    if connection is not None and connection.host is not None and connection.host.pipelined_envelope:
        connection.shut()


@contextmanager
def close_on_exit() -> Iterator[None]:
    """Hang up this thread's connection at the end: for one-off programs and tests."""
    try:
        yield
    finally:
        connection = getattr(_thread, "connection", None)
        if connection is not None:
            connection.shut()
            del _thread.connection


def init_app(app: Flask) -> None:
    """Bind Flask-Mail to the settings."""
    mail.init_app(app)
