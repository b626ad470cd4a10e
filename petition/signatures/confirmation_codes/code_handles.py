"""The handle of a request to sign: it says which signature a typed code is for (`codes`), and nothing to anybody else.

It is what was submitted, encrypted, made of the request alone: it looks the same whatever became of the address, and
no table has to know it. The page after the form carries it in its URL and its form, as it has no session.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from petition.core import clock
from petition.core.hashing import secret_keys
from petition.signatures.fingerprint import FIELD_SEPARATOR, NULL_MARKER
from petition.signatures.models import PARTIES
from petition.signatures.personal.presenter import DISPLAYED_FIELDS
from petition.signatures.validation import Details

MAX_HANDLE_CHARACTERS = 1000
NONCE_BYTES = 12
# Handles are of one length; those of addresses beyond about 100 bytes are a step longer.
PADDING_BYTES = 128
DIGEST_BYTES = 8
HEADER = struct.Struct(f">IQB{DIGEST_BYTES}sH")  # expires at, petition, party, digest of the details, bytes of address


class Handle(NamedTuple):
    """What a handle stands for: a signature, and a digest of the details that were submitted with it."""

    petition_id: int
    party: str
    email_canonical: str
    details: bytes


NOBODY = Handle(0, PARTIES[0], "", bytes(DIGEST_BYTES))


def make_handle(petition_id: int, details: Details) -> str:
    """Return the handle of a request to sign: URL-safe, valid as long as a link."""
    digest = digest_details(details, details.address.typed)
    return seal(Handle(petition_id, details.party, details.address.canonical, digest))


def seal(handle: Handle) -> str:
    """Encrypt a handle; the same one looks different each time."""
    expires_at = int((clock.now() + timedelta(days=current_app.config["CONFIRM_WITHIN"])).timestamp())
    address = handle.email_canonical.encode("utf-8", "replace")
    header = HEADER.pack(expires_at, handle.petition_id, PARTIES.index(handle.party), handle.details, len(address))
    plain = header + address
    plain += bytes(-len(plain) % PADDING_BYTES)
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + _cipher(secret_keys()[0]).encrypt(nonce, plain, None)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def open_handle(text: str) -> Handle | None:
    """Return what a handle stands for; None for anything that is none of ours, or is too old."""
    if len(text) > MAX_HANDLE_CHARACTERS or not text.isascii():
        return None
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    for key in secret_keys():
        try:
            plain = _cipher(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            continue
        expires_at, petition_id, party, details, length = HEADER.unpack_from(plain)
        if expires_at <= clock.now().timestamp():
            return None
        address = plain[HEADER.size : HEADER.size + length].decode()
        return Handle(petition_id, PARTIES[party], address, details)
    return None


def digest_details(details: Any, email: str) -> bytes:
    """Return a digest of what the confirmation page would show, of a form or of a row."""
    values = (getattr(details, name) for name in DISPLAYED_FIELDS)
    texts = (NULL_MARKER if value is None else str(value) for value in values)
    return hashlib.sha256(FIELD_SEPARATOR.join((*texts, email)).encode("utf-8", "replace")).digest()[:DIGEST_BYTES]


@lru_cache(8)
def _cipher(key: str) -> AESGCM:
    return AESGCM(hmac.digest(key.encode(), b"code handle", hashlib.sha256))
