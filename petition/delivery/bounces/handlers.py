"""What delivery cannot know: whose address an email went to, and what to do when its reader has had enough."""

from collections.abc import Callable, Sequence

from flask import Flask, current_app

AddressFinder = Callable[[int], str | None]
UnsubscribeHandler = Callable[[int, bool], None]


def register_address_finder(app: Flask, kinds: Sequence[str], finder: AddressFinder) -> None:
    """Register how the address of emails of some kinds is found by their subject's id; None once it was erased."""
    app.extensions["petition.address_finders"].update(dict.fromkeys(kinds, finder))


def register_unsubscribe_handler(app: Flask, kinds: Sequence[str], hook: UnsubscribeHandler) -> None:
    """Register what is done, by a delivery's id, when its reader asks to stop (False) or complains of it (True)."""
    app.extensions["petition.unsubscribe_handlers"].update(dict.fromkeys(kinds, hook))


def find_address(kind: str, subject_id: int) -> str | None:
    """Return whom a delivery of this kind went to, if that is still known."""
    finder: AddressFinder | None = current_app.extensions["petition.address_finders"].get(kind)
    return finder(subject_id) if finder else None


def handle_unsubscribe(kind: str, delivery_id: int, *, complaint: bool) -> None:
    """Do what the reader of a delivery asks for."""
    handler: UnsubscribeHandler | None = current_app.extensions["petition.unsubscribe_handlers"].get(kind)
    if handler:
        handler(delivery_id, complaint)


def init_app(app: Flask) -> None:
    """Prepare the registries."""
    app.extensions["petition.address_finders"] = {}
    app.extensions["petition.unsubscribe_handlers"] = {}
