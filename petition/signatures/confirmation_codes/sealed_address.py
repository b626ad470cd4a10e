"""The address that was typed, for the page after the form: masked, encrypted, and readable for an hour or two.

The page has no session and no cookie, so what it shows comes by its URL, in which nobody else can read it.
"""

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from petition.core import clock
from petition.core.hashing import secret_keys

PERIOD_SECONDS = 3600
MAX_SEALED_CHARACTERS = 700  # of an address with 254 characters of up to four bytes, and less
VISIBLE_START, VISIBLE_END = 2, 1


def seal_address(address: str) -> str:
    """Return an address masked and encrypted, for a URL. The same address gives the same text within an hour."""
    sealed = _cipher(_period()).encrypt(mask_typed_address(address).encode("utf-8", "replace"), None)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def open_address(sealed: str) -> str | None:
    """Return the masked address that `seal_address` was given in this hour or the one before; None for anything else.

    A key rotation in between loses it, which costs a line of one page.
    """
    if not sealed or len(sealed) > MAX_SEALED_CHARACTERS or not sealed.isascii():
        return None
    try:
        data = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    except ValueError:
        return None
    for period in (_period(), _period() - 1):
        try:
            return _cipher(period).decrypt(data, None).decode()
        except (InvalidTag, ValueError):
            continue
    return None


def mask_typed_address(address: str) -> str:
    """Return an address in which whoever typed it a moment ago sees a slip: its domain, and its length and ends."""
    local, _at, domain = address.rpartition("@")
    if len(local) <= VISIBLE_START + VISIBLE_END:
        return f"{local[:1]}{'•' * (len(local) - 1)}@{domain}"
    hidden = len(local) - VISIBLE_START - VISIBLE_END
    return f"{local[:VISIBLE_START]}{'•' * hidden}{local[-VISIBLE_END:]}@{domain}"


def _period() -> int:
    return int(clock.now().timestamp()) // PERIOD_SECONDS


def _cipher(period: int) -> AESSIV:
    message = f"shown address\0{period}".encode()
    return AESSIV(hmac.new(secret_keys()[0].encode(), message, hashlib.sha256).digest())
