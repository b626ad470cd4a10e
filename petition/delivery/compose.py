"""Make an email out of a delivery: who composes it, from which templates, as which octets."""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any

import flask_mail
from flask import current_app, render_template
from flask_babel import force_locale

from petition.core import clock

# A Message-ID travels with every copy of an email: knowing it must not be enough to report a bounce or to unsubscribe.
MESSAGE, BOUNCE, UNSUBSCRIBE = "message", "bounce", "unsubscribe"


@dataclass(frozen=True)
class Claimed:
    """A delivery that this worker holds, as much of it as its composer needs."""

    id: int
    kind: str
    petition_id: int
    subject_id: int
    generation: int
    mailing_id: int | None
    attempt: int
    request_id: str | None = None


@dataclass(frozen=True)
class Unwanted:
    """Says that an email is not to be sent any more, and why."""

    reason: str = "no longer wanted"


class _Wire(EmailPolicy):
    """The standard library's policy, with what it lacks for headers that come from others or go to programs.

    It would write an address over 76 characters as encoded words, which mail programs take for no address at all (RFC
    2369), and the line break that an encoded word may hold as one, which begins another header (CVE-2024-6923).
    """

    def fold(self, name: str, value: str) -> str:
        return self._checked(name, self._plain(name, value) or super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        plain = self._plain(name, value)
        folded = plain.encode() if plain else super().fold_binary(name, value)
        self._checked(name, folded.decode("utf-8", "surrogateescape"))
        return folded

    def _plain(self, name: str, value: str) -> str:
        if not name.lower().startswith(("list-", "message-id")) or not value.isascii():
            return ""
        return f"{name}: {value}".replace(", <", f",{self.linesep} <") + self.linesep

    @staticmethod
    def _checked(name: str, folded: str) -> str:
        if ANOTHER_HEADER.search(folded.removesuffix("\n").removesuffix("\r")):
            raise ValueError(f"{name} would begin another header")
        return folded


ANOTHER_HEADER = re.compile(r"\r(?!\n)|\n(?![ \t])")
WIRE = _Wire(linesep=SMTP.linesep)


class Letter(flask_mail.Message):
    """An email to one person, as Flask-Mail knows messages, with octets that mail servers accept."""

    def __init__(self, to: str, sender_name: str, locale: str, headers: dict[str, str] | None = None, **parts: Any):
        self.to = ascii_domain(to)
        self.locale = locale
        self.sender_name = sender_name
        super().__init__(recipients=[self.to], extra_headers=headers or {}, **parts)

    def as_bytes(self) -> bytes:
        """Return the message as RFC 5322 wants it: CRLF, no line over 998 octets, a text part before the HTML."""
        return self.as_email().as_bytes()

    def as_string(self) -> str:
        """Return the message as text."""
        return self.as_email().as_string()

    def as_email(self) -> EmailMessage:
        """Return the message as the standard library's object."""
        policy = WIRE.clone(utf8=not self.to.isascii(), cte_type="7bit")
        message = EmailMessage(policy)
        message["From"] = Address(_as_typed(self.sender_name), addr_spec=parseaddr(str(self.sender))[1])
        message["To"] = _address(self.to)
        message["Subject"] = _as_typed(" ".join(self.subject.split()))
        message["Date"] = format_datetime(clock.now())
        message["Message-ID"] = self.msgId
        if self.reply_to:
            message["Reply-To"] = str(self.reply_to)
        for name, value in (self.extra_headers or {}).items():
            message[name] = value
        message.set_content(self.body, cte="quoted-printable")
        if self.html:
            message.add_alternative(self.html, subtype="html", cte="quoted-printable")
        message["Content-Language"] = self.locale
        return message


def _as_typed(text: str) -> str:
    # Read as an encoded word, which the standard library does even here, it would be other words (RFC 2047).
    return text.replace("=?", "= ?")


def _address(address: str) -> Address:
    # Given whole, the standard library refuses a name beyond ASCII, even under a policy that allows it (RFC 6532).
    local, _, domain = address.rpartition("@")
    return Address(username=local, domain=domain)


Composed = dict[int, Letter | Unwanted]
Composer = Callable[[Sequence[Claimed]], Composed]
_composers: dict[str, Composer] = {}


def composes(kind: str) -> Callable[[Composer], Composer]:
    """Register how emails of a kind are composed, a batch at a time.

    The composer gets claimed deliveries and returns a letter for each delivery's id, or says why it is not wanted.
    """

    def register(composer: Composer) -> Composer:
        _composers[kind] = composer
        return composer

    return register


def compose(claims: Sequence[Claimed]) -> Composed:
    """Return the letter for each claim, by delivery id, with its Message-ID, or why none is wanted."""
    letters: Composed = {}
    for kind in {claim.kind for claim in claims}:
        letters.update(_composers[kind]([claim for claim in claims if claim.kind == kind]))
    for claim in claims:
        letter = letters.setdefault(claim.id, Unwanted())
        if isinstance(letter, Letter):
            letter.msgId = message_id(claim.id)
    return letters


def write(name: str, locale: str, to: str, sender_name: str, **context: Any) -> Letter:
    """Write the email `name` from its three templates, in this language, to this address.

    `reply_to` and `headers` in the context go to the letter.
    """
    reply_to, headers = context.pop("reply_to", None), context.pop("headers", None)
    with force_locale(locale):
        context["locale"] = locale
        return Letter(
            to,
            sender_name,
            locale,
            headers,
            subject=" ".join(render_template(f"emails/{name}/subject.txt", **context).split()),
            body=re.sub(r"\n{3,}", "\n\n", render_template(f"emails/{name}/body.txt", **context).strip()) + "\n",
            html=render_template(f"emails/{name}/body.html", **context),
            reply_to=reply_to,
        )


def ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS has it (RFC 5891), so that any mail server can route it."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}" if not domain.isascii() else address
    except UnicodeError:
        return address


def sender_address() -> str:
    """Return the bare address that every email comes from."""
    return _bare(current_app.config["MAIL_DEFAULT_SENDER"])


@lru_cache(maxsize=4)
def _bare(sender: str) -> str:
    return parseaddr(sender)[1]


def mac(purpose: str, delivery_id: int, key: str | None = None) -> str:
    """Return what makes an address or a Message-ID of a delivery ours, for one purpose, in lower case alone."""
    secret = (key or current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, f"{purpose} {delivery_id}".encode(), hashlib.sha256).hexdigest()[:16]


def message_id(delivery_id: int) -> str:
    """Return the Message-ID of a delivery: the same whenever it is sent, so that a mail program shows it once."""
    domain = sender_address().rpartition("@")[2]
    return f"<d{delivery_id}.{mac(MESSAGE, delivery_id)}@{domain}>"


def unsubscribe_address(delivery_id: int) -> str:
    """Return the address that a recipient's mail program may write to in order to stop the updates."""
    return _plus(f"u{delivery_id}-{mac(UNSUBSCRIBE, delivery_id)}")


def return_path(delivery_id: int) -> str:
    """Return the envelope sender of a delivery (VERP): a bounce to it names the delivery, and cannot be forged."""
    return _plus(f"b{delivery_id}-{mac(BOUNCE, delivery_id)}")


def _plus(tag: str) -> str:
    local, _, domain = sender_address().rpartition("@")
    return f"{local}+{tag}@{domain}"
