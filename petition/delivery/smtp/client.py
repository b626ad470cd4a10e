"""The standard library's SMTP client: one round trip for each email where the server allows it, each reply bounded.

No email is offered whose answer could come after its lease, when somebody else may hold it.
"""

import io
import math
import re
import smtplib
import socket
import time
from collections.abc import Callable
from functools import partial
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

from petition.delivery.rendering.message import PLAIN_ADDRESS

MAX_DATA_REPLY_SECONDS = 600.0  # seconds, RFC 5321's
SMTPUTF8 = "SMTPUTF8"
Envelope = tuple[str, str]  # sender and recipient
# Each command, the first digit of the reply it is to have (RFC 5321, 4.2.1), and what any other reply means.
Steps = tuple[tuple[str, int, Callable[[int, bytes], Exception]], ...]


class LeaseExpired(OSError):
    """The dialogue took so long that somebody else may soon hold the email: it was not offered."""


class _ReplyReader(io.RawIOBase):
    """What the server says, until a moment: smtplib bounds the wait for an octet, and they may come one by one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._deadline, self._bounded = sock, math.inf, False

    def set_timeout(self, within: float) -> None:
        """Have the next reply come whole within some seconds."""
        self._deadline = time.monotonic() + within
        self._bounded = (self._sock.gettimeout() or math.inf) <= within  # a reply mostly comes in one piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        while True:
            if not self._bounded:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("timed out")
                self._sock.settimeout(left)
            self._bounded = False
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                continue  # the socket's own patience may be the lesser


class _PipeliningMixin:
    """Mixed into smtplib's classes.

    `offered`: whether the server may have taken the email in hand. `words`: what it said as it took it, which smtplib
    drops: its own log is found by those words. `ahead`: the envelope that went along with the last email, whose replies
    are still to be read; from then on the server waits for that email and for nothing else.
    """

    response = b""
    offered = False
    pipelined_envelope: Envelope | None = None
    _lease_deadline = math.inf
    file: io.BufferedReader | None
    sock: socket.socket | None
    timeout: float

    def start_email(self, held_until: float) -> None:
        """Begin another email, which may become somebody else's at a moment (monotonic)."""
        self.offered, self._lease_deadline = False, held_until

    def getreply(self) -> tuple[int, bytes]:
        return self._read_reply(self.timeout)

    def _read_reply(self, within: float) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_ReplyReader(self.sock))
        if self.file is not None:
            self.file.raw.set_timeout(within)  # type: ignore[attr-defined]
        try:
            reply: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        finally:
            if self.sock is not None and self.sock.gettimeout() != self.timeout:
                self.sock.settimeout(self.timeout)
        return reply

    def send_email(self: Any, envelope: Envelope, message: bytes, following: Envelope | None = None) -> None:
        """Send one email, whose lines end in CRLF; returns once the server has taken responsibility for it.

        To a server that can take them so (RFC 2920), sender, recipient and DATA go in one piece, and those of the email
        that is `following` along with this one: over a network of 20 ms, 20 ms an email instead of 80. Raises `TooLate`
        while it surely was not taken, else `OSError` or `smtplib.SMTPException`.
        """
        self._send_envelope(self._steps(envelope), envelope)
        left = self._lease_deadline - time.monotonic() - self.timeout
        if left < self.timeout:
            self.close()
            raise LeaseExpired("the dialogue took longer than the lease allows")
        commands = self._pipelined_commands(following)
        self.offered, self.pipelined_envelope = True, following if commands else None
        self.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n" + commands)  # RFC 5321, 4.5.2
        # Who hangs up on a server that has all of an email gets it taken twice (RFC 5321, 4.5.3.2.6).
        code, self.response = self._read_reply(min(left, MAX_DATA_REPLY_SECONDS))
        if code // 100 != 2:
            raise SMTPDataError(code, self.response)

    def _steps(self: Any, envelope: Envelope) -> Steps:
        sender, recipient = envelope
        if re.search(r"[\r\n]", sender + recipient):
            raise ValueError("an address would begin another command")
        needs_utf8 = not (sender + recipient).isascii()
        if needs_utf8 and not self.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError(f"{SMTPUTF8} is not supported by the server")
        options = f" {SMTPUTF8}" if needs_utf8 else ""
        return (
            (f"MAIL FROM:{_quote_address(sender)}{options}", 2, partial(SMTPSenderRefused, sender=sender)),
            (f"RCPT TO:{_quote_address(recipient)}", 2, lambda *reply: SMTPRecipientsRefused({recipient: reply})),
            ("DATA", 3, SMTPDataError),
        )

    def _pipelined_commands(self: Any, following: Envelope | None) -> bytes:
        """Return what goes along with an email, if anything can: what is wrong with the next is told in its turn."""
        if following is None or not self.has_extn("pipelining"):
            return b""
        try:
            return _encode_commands(self._steps(following))
        except (ValueError, smtplib.SMTPNotSupportedError):
            return b""

    def _send_envelope(self: Any, steps: Steps, envelope: Envelope) -> None:
        at_once, refused, code = self.has_extn("pipelining"), None, 0
        if at_once and self.pipelined_envelope != envelope:
            self.send(_encode_commands(steps))
        self.pipelined_envelope = None
        for command, wanted, refusal in steps:
            if not at_once:
                self.send(f"{command}\r\n".encode())
            try:
                code, words = self.getreply()
            except OSError as error:
                raise refused or error from None
            if code // 100 != wanted and refused is None:
                refused = refusal(code, words)
                if not at_once:
                    break
        if refused is None:
            return
        # Out of step, or told to go ahead though there is nobody to send to (RFC 2920, 3.1).
        if code // 100 not in (2, 4, 5):
            self.close()
        raise refused


def _encode_commands(steps: Steps) -> bytes:
    return "".join(f"{command}\r\n" for command, *_ in steps).encode()


def _quote_address(address: str) -> str:
    # The standard library reads the address by its whole grammar, which takes as long as the rest of the dialogue.
    return f"<{address}>" if PLAIN_ADDRESS.fullmatch(address) else smtplib.quoteaddr(address)


class Smtp(_PipeliningMixin, smtplib.SMTP):
    """A plain connection, or one that STARTTLS secures."""


class SmtpSsl(_PipeliningMixin, smtplib.SMTP_SSL):
    """A connection that is secured from its first byte."""
