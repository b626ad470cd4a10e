"""Keyed hashes of personal data, which can be compared and not reversed."""

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

from flask import current_app

HASH_CHARACTERS = 32
# A stored hash ends in this mark, which is no hexadecimal digit, and the tag of its key: so it can be counted what a
# key that is about to be dropped is still needed for. Hashes of earlier versions have no tag.
TAG_MARK, TAG_CHARACTERS = "k", 4
DIGEST_CHARACTERS = HASH_CHARACTERS - len(TAG_MARK) - TAG_CHARACTERS


def secret_keys() -> Sequence[str]:
    """Return the secret keys, the current one first."""
    config = current_app.config
    return config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]


@lru_cache(100)
def key_tag(key: str) -> str:
    """Return four hexadecimal digits that tell a secret key from others, and nothing about it."""
    return hmac.new(key.encode(), b"key tag", hashlib.sha256).hexdigest()[:TAG_CHARACTERS]


def keyed_hashes(purpose: str, text: str) -> list[str]:
    """Return the hashes of a text under each secret key, the current key first: HMAC-SHA256 cut to 108 bits, as hex.

    Hashes of different purposes cannot be compared. Store the first; look up any of them, so that values hashed before
    a key rotation, or by an earlier version, are still found.
    """
    message = f"{purpose}\0{text}".encode(errors="surrogatepass")  # lone surrogates too
    keys = secret_keys()
    digests = [hmac.new(key.encode(), message, hashlib.sha256).hexdigest() for key in keys]
    tagged = [
        f"{digest[:DIGEST_CHARACTERS]}{TAG_MARK}{key_tag(key)}" for key, digest in zip(keys, digests, strict=True)
    ]
    return [*tagged, *(digest[:HASH_CHARACTERS] for digest in digests)]
