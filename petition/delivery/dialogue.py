"""The standard library's SMTP client: two round trips for each email where the server allows it, each reply bounded.

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
# Each command, the first digit of the reply it is to have (RFC 5321, 4.2.1), and what any other reply means.
Steps = tuple[tuple[str, int, Callable[[int, bytes], Exception]], ...]


class TooLate(OSError):
    """The dialogue took so long that somebody else may soon hold the email: it was not offered."""


class _Replies(io.RawIOBase):
    """What the server says, until a moment: smtplib bounds the wait for an octet, and they may come one by one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._raw = sock, sock.makefile("rb", buffering=0)
        self._ends, self._bounded = math.inf, False

    def expect(self, within: float) -> None:
        """Have the next reply come whole within some seconds."""
        self._ends = time.monotonic() + within
        self._bounded = self._sock.gettimeout() == within  # a reply mostly comes in one piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._bounded:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        self._bounded = False
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Dialogue:
    """Mixed into smtplib's classes.

    `offered`: whether the server may have taken the email in hand. `words`: what it said as it took it, which smtplib
    drops: its own log is found by those words.
    """

    words = b""
    offered = False
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

    def hand_over(self: Any, sender: str, recipient: str, message: bytes) -> None:
        """Send one email, whose lines end in CRLF; returns once the server has taken responsibility for it.

        Sender, recipient and DATA go in one piece to a server that says it can take them so (RFC 2920): over a network
        of 20 ms, 40 ms an email instead of 80. Raises `TooLate` while it surely was not taken, else `OSError` or
        `smtplib.SMTPException`.
        """
        if re.search(r"[\r\n]", sender + recipient):
            raise ValueError("an address would begin another command")
        needs_utf8 = not (sender + recipient).isascii()
        if needs_utf8 and not self.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError(f"{UTF8} is not supported by the server")
        options = f" {UTF8}" if needs_utf8 else ""
        steps: Steps = (
            (f"MAIL FROM:{_quoted(sender)}{options}", 2, partial(SMTPSenderRefused, sender=sender)),
            (f"RCPT TO:{_quoted(recipient)}", 2, lambda *reply: SMTPRecipientsRefused({recipient: reply})),
            ("DATA", 3, SMTPDataError),
        )
        self._announce(steps)
        left = self._held_until - time.monotonic() - self.timeout
        if left < self.timeout:
            self.close()
            raise TooLate("the dialogue took longer than the lease allows")
        self.offered = True
        self.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")  # RFC 5321, 4.5.2
        # Who hangs up on a server that has all of an email gets it taken twice (RFC 5321, 4.5.3.2.6).
        code, self.words = self._reply(min(left, PATIENCE))
        if code // 100 != 2:
            raise SMTPDataError(code, self.words)

    def _announce(self: Any, steps: Steps) -> None:
        at_once, refused, code = self.has_extn("pipelining"), None, 0
        if at_once:
            self.send("".join(f"{command}\r\n" for command, *_ in steps).encode())
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


def _quoted(address: str) -> str:
    # The standard library reads the address by its whole grammar, which takes as long as the rest of the dialogue.
    return f"<{address}>" if PLAIN_ADDRESS.fullmatch(address) else smtplib.quoteaddr(address)


class Smtp(_Dialogue, smtplib.SMTP):
    """A plain connection, or one that STARTTLS secures."""


class SmtpSsl(_Dialogue, smtplib.SMTP_SSL):
    """A connection that is secured from its first byte."""
