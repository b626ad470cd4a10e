"""Signed tokens in links: short, one salt per purpose, valid through a key rotation."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, TimestampSigner

# 128 bits cannot be guessed and keep a whole link on one 78-character line of a text mail (RFC 5322, 2.1.1).
MAC_BYTES = 16
MAX_TOKEN_CHARACTERS = 200


class BadToken(Exception):
    """A token that this application did not sign for this purpose."""


class ExpiredToken(BadToken):
    """A valid token that is older than its maximum age. `values`: its integers."""

    def __init__(self, values: tuple[int, ...]) -> None:
        super().__init__("expired")
        self.values = values


def _digest(data: bytes = b"") -> Any:
    return hashlib.blake2b(data, digest_size=MAC_BYTES)


def _signer(purpose: str) -> TimestampSigner:
    config = current_app.config
    return _create_signer(purpose, (*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"]))


@lru_cache(100)
def _create_signer(purpose: str, keys: tuple[str, ...]) -> TimestampSigner:
    digest: Callable[..., Any] = partial(_digest)
    return TimestampSigner(keys, salt=f"petition.{purpose}", key_derivation="hmac", digest_method=digest)


def make(purpose: str, *values: int) -> str:
    """Sign non-negative integers for one purpose.

    The token is URL-safe, contains no personal data, ends in a letter or digit, and carries its creation time.
    """
    payload = b"".join(_encode_varint(value) for value in values)
    return _signer(purpose).sign(base64.urlsafe_b64encode(payload).rstrip(b"=")).decode()


def read(purpose: str, token: str, max_age: timedelta | None = None) -> tuple[int, ...]:
    """Return the integers that a token was signed with; the signature is compared in constant time.

    Characters that mail programs append are ignored (`strip_trailing_characters`). Raises `ExpiredToken` past
    `max_age`, `BadToken` for anything that this application did not sign for this purpose.
    """
    token = strip_trailing_characters(token)
    if not token:
        raise BadToken("not a token")
    try:
        payload, created_at = _signer(purpose).unsign(token, return_timestamp=True)
        values = _decode_varints(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (BadSignature, ValueError, OverflowError) as error:
        raise BadToken("not a token") from error
    if max_age is not None and datetime.now(UTC) - created_at > max_age:
        raise ExpiredToken(values)
    return values


def strip_trailing_characters(token: str) -> str:
    """Remove what mail programs append to a link: `.`, `>`, a quoted-printable `=3D`, a closing bracket.

    Safe because the signature covers every remaining character. Returns "" for a text too long for a token.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        return ""
    return re.sub(r"(=3D|=20|%3D|%20|%3E|&gt;?|[^A-Za-z0-9])+$", "", token, flags=re.IGNORECASE)


def _encode_varint(value: int) -> bytes:
    if value < 0:
        raise ValueError("negative number")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _decode_varints(payload: bytes) -> tuple[int, ...]:
    values, value, shift = [], 0, 0
    for byte in payload:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            values.append(value)
            value, shift = 0, 0
    if shift:
        raise ValueError("truncated")
    return tuple(values)
