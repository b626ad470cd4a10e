"""What many read and few change, kept by each process for a moment."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask, current_app

MAX_ENTRIES = 500  # things; the shelf is cleared when it is full


def get_or_create(key: Hashable, create: Callable[[], Any], ttl: float | None = None) -> Any:
    """Return what `make` gave for a key at most `lasts` seconds ago in this process, or make it now.

    `lasts` is PETITION_CACHE_TTL unless told; where that is 0, nothing is kept at all. Whoever gets the thing shares it
    with other threads: it must not be changed.
    """
    shelf: dict[Hashable, tuple[float, Any]] = current_app.extensions["petition.cache"]
    found = shelf.get(key)
    if found and found[0] > time.monotonic():
        return found[1]
    fresh = current_app.config["PETITION_CACHE_TTL"] and (ttl or current_app.config["PETITION_CACHE_TTL"])
    if found and fresh:
        shelf[key] = time.monotonic() + fresh, found[1]  # the others take the old one while this thread makes it anew
    value = create()
    if fresh:
        if len(shelf) >= MAX_ENTRIES:
            shelf.clear()
        shelf[key] = time.monotonic() + fresh, value
    return value


def init_app(app: Flask) -> None:
    """Begin with an empty shelf."""
    app.extensions["petition.cache"] = {}
