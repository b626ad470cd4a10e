"""Keyed hashes, for what must be compared and never read back."""

import hashlib
import hmac

from flask import current_app


def keyed_hashes(purpose: str, text: str) -> list[str]:
    """Return 128 bits, as hex, that only this installation can compute for this purpose: one per key, newest first.

    Store the first; look for any of them, so that what was hashed before a key rotation is still found.
    """
    config = current_app.config
    keys = (config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"])
    message = f"{purpose}\0{text}".encode(errors="surrogatepass")  # any text, lone halves of characters too
    return [hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:32] for key in keys]
