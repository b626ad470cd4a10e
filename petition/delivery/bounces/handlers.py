"""Registries of what delivery cannot know: the address of an email's recipient, and how the recipient unsubscribes."""

from collections.abc import Callable, Sequence

from flask import Flask, current_app

AddressFinder = Callable[[int], str | None]
UnsubscribeHandler = Callable[[int, bool], None]


def register_address_finder(app: Flask, kinds: Sequence[str], finder: AddressFinder) -> None:
    """Register how to find the address of emails of some kinds by their subject's id; None once it is erased."""
    app.extensions["petition.address_finders"].update(dict.fromkeys(kinds, finder))


def register_unsubscribe_handler(app: Flask, kinds: Sequence[str], handler: UnsubscribeHandler) -> None:
    """Register how to unsubscribe the recipient of a delivery: by its id, and whether they complained."""
    app.extensions["petition.unsubscribe_handlers"].update(dict.fromkeys(kinds, handler))


def find_address(kind: str, subject_id: int) -> str | None:
    """Return the address of a delivery of this kind, if it is still known."""
    finder: AddressFinder | None = current_app.extensions["petition.address_finders"].get(kind)
    return finder(subject_id) if finder else None


def handle_unsubscribe(kind: str, delivery_id: int, *, complaint: bool) -> None:
    """Unsubscribe the recipient of a delivery, if its kind can be unsubscribed from."""
    handler: UnsubscribeHandler | None = current_app.extensions["petition.unsubscribe_handlers"].get(kind)
    if handler:
        handler(delivery_id, complaint)


def init_app(app: Flask) -> None:
    """Prepare the registries."""
    app.extensions["petition.address_finders"] = {}
    app.extensions["petition.unsubscribe_handlers"] = {}
