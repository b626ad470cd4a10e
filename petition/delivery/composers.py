"""Make an email out of a delivery: who composes it, from which templates, and by which addresses it is known."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from flask import Flask, current_app

from petition.delivery.rendering.message import OutgoingMessage, get_bare_address
from petition.delivery.rendering.templates import Slots, prepare_email


# A Message-ID travels with every copy of an email: knowing it must not be enough to report a bounce or to unsubscribe.
class AddressPurpose(StrEnum):
    """What an address or a Message-ID of a delivery is for; part of its MAC."""

    MESSAGE = "message"
    BOUNCE = "bounce"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True)
class ClaimedDelivery:
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
class Skipped:
    """Says that an email is not to be sent any more, and why."""

    reason: str = "no longer wanted"


Composed = dict[int, OutgoingMessage | Skipped]
Composer = Callable[[Sequence[ClaimedDelivery]], Composed]


def register_composer(app: Flask, kind: str, composer: Composer) -> None:
    """Register the composer of a kind of email.

    It gets claimed deliveries of that kind, a batch at a time, and returns for each delivery's id the message, or why
    none is to be sent any more.
    """
    app.extensions["petition.composers"][kind] = composer


def init_app(app: Flask) -> None:
    """Prepare the registry of composers."""
    app.extensions["petition.composers"] = {}


def compose(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Return the letter for each claim, by delivery id, with its Message-ID, or why none is wanted."""
    composers: dict[str, Composer] = current_app.extensions["petition.composers"]
    letters: Composed = {}
    for kind in {claim.kind for claim in claims}:
        letters.update(composers[kind]([claim for claim in claims if claim.kind == kind]))
    for claim in claims:
        letter = letters.setdefault(claim.id, Skipped())
        if isinstance(letter, OutgoingMessage):
            letter.msgId = message_id(claim.id)
    return letters


def render_message(name: str, locale: str, to: str, sender_name: str, **context: Any) -> OutgoingMessage:
    """Write the email `name` from its three templates, in this language, to this address.

    `reply_to` and `headers` in the context go to the letter.
    """
    reply_to, headers = context.pop("reply_to", None), context.pop("headers", None)
    subject, body, html = prepare_email(Slots(), name, locale, **context).fill({})
    return OutgoingMessage(to, sender_name, locale, headers, subject=subject, body=body, html=html, reply_to=reply_to)


def sender_address() -> str:
    """Return the bare address that every email comes from."""
    return get_bare_address(current_app.config["MAIL_DEFAULT_SENDER"])


def mac(purpose: str, delivery_id: int, key: str | None = None) -> str:
    """Return what makes an address or a Message-ID of a delivery ours, for one purpose, in lower case alone."""
    code = _hmac_for_key(key or current_app.config["SECRET_KEY"]).copy()
    code.update(f"{purpose} {delivery_id}".encode())
    return code.hexdigest()[:16]


@lru_cache(maxsize=8)
def _hmac_for_key(key: str) -> hmac.HMAC:
    # Begun once and copied, as that is most of the work. Not hmac.digest, which gives up the interpreter and then waits
    # for the other threads.
    return hmac.new(key.encode(), digestmod="sha256")


def message_id(delivery_id: int) -> str:
    """Return the Message-ID of a delivery: the same whenever it is sent, so that a mail program shows it once."""
    domain = sender_address().rpartition("@")[2]
    return f"<d{delivery_id}.{mac(AddressPurpose.MESSAGE, delivery_id)}@{domain}>"


def unsubscribe_address(delivery_id: int) -> str:
    """Return the address that a recipient's mail program may write to in order to stop the updates."""
    return _plus_address(f"u{delivery_id}-{mac(AddressPurpose.UNSUBSCRIBE, delivery_id)}")


def return_path(delivery_id: int) -> str:
    """Return the envelope sender of a delivery (VERP): a bounce to it names the delivery, and cannot be forged."""
    return _plus_address(f"b{delivery_id}-{mac(AddressPurpose.BOUNCE, delivery_id)}")


def _plus_address(tag: str) -> str:
    local, _, domain = sender_address().rpartition("@")
    return f"{local}+{tag}@{domain}"
