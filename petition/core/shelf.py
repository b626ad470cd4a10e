"""What many read and few change, kept by each process for a moment."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask, current_app

MOST = 500  # things; the shelf is cleared when it is full


def kept(key: Hashable, make: Callable[[], Any], lasts: float | None = None) -> Any:
    """Return what `make` gave for a key at most `lasts` seconds ago in this process, or make it now.

    `lasts` is PETITION_FRESH unless told; where that is 0, nothing is kept at all. Whoever gets the thing shares it
    with other threads: it must not be changed.
    """
    shelf: dict[Hashable, tuple[float, Any]] = current_app.extensions["petition.shelf"]
    found = shelf.get(key)
    if found and found[0] > time.monotonic():
        return found[1]
    fresh = current_app.config["PETITION_FRESH"] and (lasts or current_app.config["PETITION_FRESH"])
    if found and fresh:
        shelf[key] = time.monotonic() + fresh, found[1]  # the others take the old one while this thread makes it anew
    value = make()
    if fresh:
        if len(shelf) >= MOST:
            shelf.clear()
        shelf[key] = time.monotonic() + fresh, value
    return value


def init_app(app: Flask) -> None:
    """Begin with an empty shelf."""
    app.extensions["petition.shelf"] = {}
