"""Per-process TTL cache for data that is read on every request and changes rarely."""

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

from cachetools import LRUCache
from flask import Flask, current_app

MAX_ENTRIES = 500  # the least recently used entry is evicted from a full cache


class _Entry:
    """A cached value and the monotonic time from which it is stale."""

    __slots__ = ("expires_at", "value")

    def __init__(self, value: Any, expires_at: float) -> None:
        self.value, self.expires_at = value, expires_at


_lock = Lock()


def get_or_create(key: Hashable, create: Callable[[], Any], ttl: float | None = None) -> Any:
    """Return the value cached for a key, or create and cache it.

    `ttl`: seconds; PETITION_CACHE_TTL by default. PETITION_CACHE_TTL=0 disables the cache whatever `ttl` says. When a
    value expires, one thread creates the next while the others are given the expired one. Threads share the value: it
    must not be modified. Not to be used for decisions, such as whether a signature is accepted.
    """
    default_ttl = current_app.config["PETITION_CACHE_TTL"]
    if not default_ttl:
        return create()
    ttl = ttl or default_ttl
    entries: LRUCache[Hashable, _Entry] = current_app.extensions["petition.cache"]
    with _lock:
        entry, now = entries.get(key), time.monotonic()
        if entry:
            if now < entry.expires_at:
                return entry.value
            entry.expires_at = now + ttl  # other threads use the expired value while this one creates the next
    value = create()
    with _lock:
        entries[key] = _Entry(value, time.monotonic() + ttl)
    return value


def init_app(app: Flask) -> None:
    """Create an empty cache."""
    app.extensions["petition.cache"] = LRUCache(MAX_ENTRIES)
