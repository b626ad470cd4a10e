"""An email to one person, as the octets that mail servers accept."""

import re
from binascii import b2a_qp
from datetime import UTC, datetime
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache

import flask_mail
from flask import current_app

from petition.core import clock

HEADER_INJECTION_PATTERN = re.compile(rb"\r(?!\n)|\n(?![ \t])")
# Neither to be quoted (RFC 5322, 3.2.3) nor folded.
PLAIN_ADDRESS = re.compile(r"[\w+-]+(\.[\w+-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
MAX_UNFOLDED_ADDRESS_CHARACTERS = 74  # characters
MAX_LINE_BYTES = 998  # octets (RFC 5322, 2.1.1)
# What quoted-printable never contains (RFC 2045, 6.7).
BOUNDARY = b"=_alternative"


HEADER_POLICIES = {utf8: SMTP.clone(utf8=utf8, cte_type="7bit") for utf8 in (False, True)}


class OutgoingMessage(flask_mail.Message):
    """An email to one person, as Flask-Mail knows messages, with octets that mail servers accept."""

    def __init__(
        self,
        to: str,
        sender_name: str,
        locale: str,
        headers: dict[str, str] | None = None,
        *,
        subject: str,
        body: str,
        html: str,
        reply_to: str | None = None,
    ) -> None:
        # Not Flask-Mail's own beginning: it asks for this host's name, which may wait for a resolver at each email.
        self.to, self.sender_name, self.locale = encode_domain(to), sender_name, locale
        self.recipients, self.cc, self.bcc = [self.to], [], []
        self.sender = current_app.config["MAIL_DEFAULT_SENDER"]
        self.alts: dict[str, str] = {}  # where `html` is kept
        self.subject, self.body, self.html = subject, body, html
        self.reply_to, self.extra_headers = reply_to, headers or {}
        self.msgId = ""

    def as_bytes(self) -> bytes:
        """Return the message as RFC 5322 wants it: CRLF, no line over 998 octets, a text part before the HTML.

        The text is quoted-printable: 7-bit octets, whatever servers are on the way. Raises `ValueError` for a header
        that would begin another, or hold a longer word than a line may.
        """
        return b"".join(
            (
                *self._headers(),
                b"MIME-Version: 1.0\r\n",
                b'Content-Type: multipart/alternative; boundary="%b"\r\n' % BOUNDARY,
                b"Content-Language: %b\r\n\r\n" % self.locale.encode(),
                _part(b"plain", str(self.body)),
                _part(b"html", str(self.html)),
                b"--%b--\r\n" % BOUNDARY,
            )
        )

    def as_string(self) -> str:
        """Return the message as text."""
        return self.as_bytes().decode()

    def _headers(self) -> list[bytes]:
        utf8 = not self.to.isascii()
        subject = escape_encoded_words(" ".join(self.subject.split()))
        headers = {"Subject": subject, "Date": _date(int(clock.now().timestamp())), "Message-ID": self.msgId}
        if self.reply_to:
            headers["Reply-To"] = escape_encoded_words(str(self.reply_to))
        headers |= self.extra_headers or {}
        return [
            _from(escape_encoded_words(self.sender_name), get_bare_address(str(self.sender)), utf8),
            _to(self.to, utf8),
            *(_header(name, value, utf8) for name, value in headers.items()),
        ]


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def _part(subtype: bytes, text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return (
        b'--%b\r\nContent-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n%b\r\n'
        % (BOUNDARY, subtype, b"\r\n".join(map(_quoted_printable, lines)))
    )


@lru_cache(maxsize=1024)
def _quoted_printable(line: str) -> bytes:
    # Most lines of an email are those of the one before, and soft line breaks begin anew with each.
    return b2a_qp(line.encode(), istext=True).replace(b"\n", b"\r\n")


def _header(name: str, value: str, utf8: bool) -> bytes:
    # Addresses for programs: the standard library would write one over 76 characters as encoded words, which mail
    # programs take for no address at all (RFC 2369).
    if name.startswith(("List-", "Message-ID")) and value.isascii():
        return _check_header(name, f"{name}: {value}\r\n".replace(", <", ",\r\n <").encode())
    return _folded(name, value, utf8)


@lru_cache(maxsize=512)
def _folded(name: str, value: str, utf8: bool) -> bytes:
    return _check_header(
        name, HEADER_POLICIES[utf8].fold_binary(*HEADER_POLICIES[utf8].header_store_parse(name, value))
    )


@lru_cache(maxsize=64)
def _from(name: str, address: str, utf8: bool) -> bytes:
    return _address("From", Address(name, addr_spec=address), utf8)


def _to(address: str, utf8: bool) -> bytes:
    if len(address) <= MAX_UNFOLDED_ADDRESS_CHARACTERS and PLAIN_ADDRESS.fullmatch(address):
        return f"To: {address}\r\n".encode()
    # Given whole, the standard library refuses a name beyond ASCII, even under a policy that allows it (RFC 6532).
    local, _, domain = address.rpartition("@")
    return _address("To", Address(username=local, domain=domain), utf8)


def _address(name: str, address: Address, utf8: bool) -> bytes:
    return _check_header(
        name, HEADER_POLICIES[utf8].fold_binary(*HEADER_POLICIES[utf8].header_store_parse(name, address))
    )


def _check_header(name: str, folded: bytes) -> bytes:
    """Refuse what the standard library lets through: a line break in an encoded word (CVE-2024-6923), a long word."""
    if HEADER_INJECTION_PATTERN.search(folded.removesuffix(b"\r\n")):
        raise ValueError(f"{name} would begin another header")
    if len(folded) > MAX_LINE_BYTES and max(map(len, folded.split(b"\r\n"))) > MAX_LINE_BYTES:
        raise ValueError(f"{name} is longer than a line may be")
    return folded


def escape_encoded_words(text: str) -> str:
    """Return a text so that it is read as it was typed.

    Read as an encoded word, which the standard library does even here, it would be other words (RFC 2047).
    """
    return text.replace("=?", "= ?")


def encode_domain(address: str) -> str:
    """Return the address with its domain as DNS has it (RFC 5891), so that any mail server can route it."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}" if not domain.isascii() else address
    except UnicodeError:
        return address


@lru_cache(maxsize=4)
def get_bare_address(sender: str) -> str:
    """Return the address alone of one that may have a name."""
    return parseaddr(sender)[1]
