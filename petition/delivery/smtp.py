"""The standard library's SMTP client, with a dialogue of two round trips for each email where the server allows it."""

import re
import smtplib
from collections.abc import Callable
from functools import partial
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

from petition.delivery.letter import PLAIN_ADDRESS

UTF8 = "SMTPUTF8"
# Each command, the first digit of the reply it is to have (RFC 5321, 4.2.1), and what any other reply means.
Steps = tuple[tuple[str, int, Callable[[int, bytes], Exception]], ...]


class _Client:
    """Keeps what the server said as it took an email: its own log is found by those words."""

    words = b""

    def hand_over(self: Any, sender: str, recipient: str, message: bytes) -> None:
        """Send one email, whose lines end in CRLF; returns once the server has taken responsibility for it.

        Sender, recipient and DATA go in one piece to a server that says it can take them so (RFC 2920): over a network
        of 20 ms, 40 ms an email instead of 80. Raises `OSError` or `smtplib.SMTPException`.
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
        self.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")  # RFC 5321, 4.5.2
        code, self.words = self.getreply()
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


class Smtp(_Client, smtplib.SMTP):
    """A client without encryption, or with STARTTLS."""


class SmtpSsl(_Client, smtplib.SMTP_SSL):
    """A client with TLS from the beginning."""
