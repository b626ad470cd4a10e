"""Keyed hashes of personal data, which can be compared and not reversed."""

import hashlib
import hmac

from flask import current_app


def keyed_hashes(purpose: str, text: str) -> list[str]:
    """Return a hash under each secret key, the current key first: HMAC-SHA256 cut to 128 bits, as hex.

    Hashes of different purposes cannot be compared. Store the first; look up any of them, so that values hashed before
    a key rotation are still found.
    """
    config = current_app.config
    keys = (config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"])
    message = f"{purpose}\0{text}".encode(errors="surrogatepass")  # lone surrogates too
    return [hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:32] for key in keys]
