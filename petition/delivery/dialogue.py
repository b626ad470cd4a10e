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

from petition.delivery.letter import PLAIN_ADDRESS

PATIENCE = 600.0  # seconds, RFC 5321's
UTF8 = "SMTPUTF8"
Envelope = tuple[str, str]  # sender and recipient
# Each command, the first digit of the reply it is to have (RFC 5321, 4.2.1), and what any other reply means.
Steps = tuple[tuple[str, int, Callable[[int, bytes], Exception]], ...]


class TooLate(OSError):
    """The dialogue took so long that somebody else may soon hold the email: it was not offered."""


class _Replies(io.RawIOBase):
    """What the server says, until a moment: smtplib bounds the wait for an octet, and they may come one by one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._ends, self._bounded = sock, math.inf, False

    def expect(self, within: float) -> None:
        """Have the next reply come whole within some seconds."""
        self._ends = time.monotonic() + within
        self._bounded = (self._sock.gettimeout() or math.inf) <= within  # a reply mostly comes in one piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        while True:
            if not self._bounded:
                left = self._ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError("timed out")
                self._sock.settimeout(left)
            self._bounded = False
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                continue  # the socket's own patience may be the lesser


class _Dialogue:
    """Mixed into smtplib's classes.

    `offered`: whether the server may have taken the email in hand. `words`: what it said as it took it, which smtplib
    drops: its own log is found by those words. `ahead`: the envelope that went along with the last email, whose replies
    are still to be read; from then on the server waits for that email and for nothing else.
    """

    words = b""
    offered = False
    ahead: Envelope | None = None
    _held_until = math.inf
    file: io.BufferedReader | None
    sock: socket.socket | None
    timeout: float

    def take_in_hand(self, held_until: float) -> None:
        """Begin another email, which may become somebody else's at a moment (monotonic)."""
        self.offered, self._held_until = False, held_until

    def getreply(self) -> tuple[int, bytes]:
        return self._reply(self.timeout)

    def _reply(self, within: float) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Replies(self.sock))
        if self.file is not None:
            self.file.raw.expect(within)  # type: ignore[attr-defined]
        try:
            reply: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        finally:
            if self.sock is not None and self.sock.gettimeout() != self.timeout:
                self.sock.settimeout(self.timeout)
        return reply

    def hand_over(self: Any, envelope: Envelope, message: bytes, following: Envelope | None = None) -> None:
        """Send one email, whose lines end in CRLF; returns once the server has taken responsibility for it.

        To a server that can take them so (RFC 2920), sender, recipient and DATA go in one piece, and those of the email
        that is `following` along with this one: over a network of 20 ms, 20 ms an email instead of 80. Raises `TooLate`
        while it surely was not taken, else `OSError` or `smtplib.SMTPException`.
        """
        self._announce(self._steps(envelope), envelope)
        left = self._held_until - time.monotonic() - self.timeout
        if left < self.timeout:
            self.close()
            raise TooLate("the dialogue took longer than the lease allows")
        commands = self._commands(following)
        self.offered, self.ahead = True, following if commands else None
        self.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n" + commands)  # RFC 5321, 4.5.2
        # Who hangs up on a server that has all of an email gets it taken twice (RFC 5321, 4.5.3.2.6).
        code, self.words = self._reply(min(left, PATIENCE))
        if code // 100 != 2:
            raise SMTPDataError(code, self.words)

    def _steps(self: Any, envelope: Envelope) -> Steps:
        sender, recipient = envelope
        if re.search(r"[\r\n]", sender + recipient):
            raise ValueError("an address would begin another command")
        needs_utf8 = not (sender + recipient).isascii()
        if needs_utf8 and not self.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError(f"{UTF8} is not supported by the server")
        options = f" {UTF8}" if needs_utf8 else ""
        return (
            (f"MAIL FROM:{_quoted(sender)}{options}", 2, partial(SMTPSenderRefused, sender=sender)),
            (f"RCPT TO:{_quoted(recipient)}", 2, lambda *reply: SMTPRecipientsRefused({recipient: reply})),
            ("DATA", 3, SMTPDataError),
        )

    def _commands(self: Any, following: Envelope | None) -> bytes:
        """Return what goes along with an email, if anything can: what is wrong with the next is told in its turn."""
        if following is None or not self.has_extn("pipelining"):
            return b""
        try:
            return _octets(self._steps(following))
        except (ValueError, smtplib.SMTPNotSupportedError):
            return b""

    def _announce(self: Any, steps: Steps, envelope: Envelope) -> None:
        at_once, refused, code = self.has_extn("pipelining"), None, 0
        if at_once and self.ahead != envelope:
            self.send(_octets(steps))
        self.ahead = None
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


def _octets(steps: Steps) -> bytes:
    return "".join(f"{command}\r\n" for command, *_ in steps).encode()


def _quoted(address: str) -> str:
    # The standard library reads the address by its whole grammar, which takes as long as the rest of the dialogue.
    return f"<{address}>" if PLAIN_ADDRESS.fullmatch(address) else smtplib.quoteaddr(address)


class Smtp(_Dialogue, smtplib.SMTP):
    """A plain connection, or one that STARTTLS secures."""


class SmtpSsl(_Dialogue, smtplib.SMTP_SSL):
    """A connection that is secured from its first byte."""
