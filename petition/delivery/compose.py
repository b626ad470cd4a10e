"""Make an email out of a delivery: who composes it, from which templates, and by which addresses it is known."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import current_app

from petition.delivery.letter import Letter, bare
from petition.delivery.sheet import Gaps, typeset

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
    subject, body, html = typeset(Gaps(), name, locale, **context).fill({})
    return Letter(to, sender_name, locale, headers, subject=subject, body=body, html=html, reply_to=reply_to)


def sender_address() -> str:
    """Return the bare address that every email comes from."""
    return bare(current_app.config["MAIL_DEFAULT_SENDER"])


def mac(purpose: str, delivery_id: int, key: str | None = None) -> str:
    """Return what makes an address or a Message-ID of a delivery ours, for one purpose, in lower case alone."""
    code = _keyed(key or current_app.config["SECRET_KEY"]).copy()
    code.update(f"{purpose} {delivery_id}".encode())
    return code.hexdigest()[:16]


@lru_cache(maxsize=8)
def _keyed(key: str) -> hmac.HMAC:
    # Begun once and copied, as that is most of the work. Not hmac.digest, which gives up the interpreter and then waits
    # for the other threads.
    return hmac.new(key.encode(), digestmod="sha256")


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
