"""Compose emails from deliveries: the registry of composers, and each email's Message-ID and return path (VERP)."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from flask import Flask, current_app

from petition.delivery.rendering.message import OutgoingMessage, get_bare_address
from petition.delivery.rendering.templates import Slots, prepare_email


class AddressPurpose(StrEnum):
    """What an address or a Message-ID of a delivery is for; part of its MAC.

    Every copy of an email contains its Message-ID: knowing it must not suffice to report a bounce or to unsubscribe.
    """

    MESSAGE = "message"
    BOUNCE = "bounce"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True)
class ClaimedDelivery:
    """A claimed delivery, with the columns that its composer needs."""

    id: int
    kind: str
    petition_id: int
    subject_id: int
    generation: int
    mailing_id: int | None
    attempt: int
    request_id: str | None = None
    address_hash: str | None = None  # of the address that it was offered for before
    budgeted: bool = False  # whether it was counted against the budgets at an earlier claim


@dataclass(frozen=True)
class Skipped:
    """An email that is not to be sent any more, and why."""

    reason: str = "no longer wanted"


Composed = dict[int, OutgoingMessage | Skipped]
Composer = Callable[[Sequence[ClaimedDelivery]], Composed]


def register_composer(app: Flask, kind: str, composer: Composer, *, counted: bool = True) -> None:
    """Register the composer of a kind of email.

    A composer takes a batch of claimed deliveries of that kind and returns, by delivery id, the message of each, or a
    `Skipped`. `counted`: whether its emails count against the budgets of mailboxes and domains (`budgets.py`). All must
    that somebody who does not own the mailbox can cause.
    """
    app.extensions["petition.composers"][kind] = composer
    if counted:
        app.extensions["petition.counted_kinds"].add(kind)


def is_counted(kind: str) -> bool:
    """Return whether emails of a kind count against the budgets."""
    return kind in current_app.extensions["petition.counted_kinds"]


def init_app(app: Flask) -> None:
    """Prepare the registry of composers."""
    app.extensions["petition.composers"] = {}
    app.extensions["petition.counted_kinds"] = set()


def compose(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Return the message of each claim, with its Message-ID, or a `Skipped`, by delivery id."""
    composers: dict[str, Composer] = current_app.extensions["petition.composers"]
    messages: Composed = {}
    for kind in {claim.kind for claim in claims}:
        messages.update(composers[kind]([claim for claim in claims if claim.kind == kind]))
    for claim in claims:
        message = messages.setdefault(claim.id, Skipped())
        if isinstance(message, OutgoingMessage):
            message.msgId = message_id(claim.id)
    return messages


def render_message(name: str, locale: str, to: str, sender_name: str, **context: Any) -> OutgoingMessage:
    """Render the email `name` from its three templates, in a language, to one address.

    `reply_to` and `headers` are taken out of the context and set on the message.
    """
    reply_to, headers = context.pop("reply_to", None), context.pop("headers", None)
    subject, body, html = prepare_email(Slots(), name, locale, **context).fill({})
    return OutgoingMessage(to, sender_name, locale, headers, subject=subject, body=body, html=html, reply_to=reply_to)


def sender_address() -> str:
    """Return the address of the sender, without a name."""
    return get_bare_address(current_app.config["MAIL_DEFAULT_SENDER"])


def mac(purpose: str, delivery_id: int, key: str | None = None) -> str:
    """Return the MAC, in lower case, that makes an address or a Message-ID of a delivery ours, for one purpose."""
    code = _hmac_for_key(key or current_app.config["SECRET_KEY"]).copy()
    code.update(f"{purpose} {delivery_id}".encode())
    return code.hexdigest()[:16]


@lru_cache(maxsize=8)
def _hmac_for_key(key: str) -> hmac.HMAC:
    # Cached and copied, as the key schedule is most of the work. Not hmac.digest, which releases the GIL and then waits
    # for the other threads.
    return hmac.new(key.encode(), digestmod="sha256")


def message_id(delivery_id: int) -> str:
    """Return the Message-ID of a delivery: the same for every attempt, so that a mail program shows the email once."""
    domain = sender_address().rpartition("@")[2]
    return f"<d{delivery_id}.{mac(AddressPurpose.MESSAGE, delivery_id)}@{domain}>"


def unsubscribe_address(delivery_id: int) -> str:
    """Return the address that a mail program may write to in order to unsubscribe its user (RFC 2369)."""
    return _plus_address(f"u{delivery_id}-{mac(AddressPurpose.UNSUBSCRIBE, delivery_id)}")


def return_path(delivery_id: int) -> str:
    """Return the envelope sender of a delivery (VERP): a bounce to it names the delivery, and cannot be forged."""
    return _plus_address(f"b{delivery_id}-{mac(AddressPurpose.BOUNCE, delivery_id)}")


def _plus_address(tag: str) -> str:
    local, _, domain = sender_address().rpartition("@")
    return f"{local}+{tag}@{domain}"
