"""Registry of what delivery cannot know: how the recipient of an email unsubscribes."""

from collections.abc import Callable, Sequence

from flask import Flask, current_app

UnsubscribeHandler = Callable[[int, bool], None]


def register_unsubscribe_handler(app: Flask, kinds: Sequence[str], handler: UnsubscribeHandler) -> None:
    """Register how to unsubscribe the recipient of a delivery: by its id, and whether they complained.

    A handler must check that its subject's address is still the one that the delivery went to
    (`suppression_list.is_hash_of`), and change nothing otherwise.
    """
    app.extensions["petition.unsubscribe_handlers"].update(dict.fromkeys(kinds, handler))


def handle_unsubscribe(kind: str, delivery_id: int, *, complaint: bool) -> None:
    """Unsubscribe the recipient of a delivery, if its kind can be unsubscribed from."""
    handler: UnsubscribeHandler | None = current_app.extensions["petition.unsubscribe_handlers"].get(kind)
    if handler:
        handler(delivery_id, complaint)


def init_app(app: Flask) -> None:
    """Prepare the registry."""
    app.extensions["petition.unsubscribe_handlers"] = {}
