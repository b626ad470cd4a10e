"""Sign emails with DKIM (RFC 6376), for a relay that does not.

By `cryptography`, not by dkimpy, whose RSA is Python's own arithmetic: docs/decisions/0043. Tests verify what is signed
here with dkimpy. Relaxed canonicalisation of headers and body; the message is one of `OutgoingMessage`, whose lines end
in CRLF.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# What is signed if it is there: what a reader sees, and what programs act on (RFC 8058: both List-Unsubscribe headers).
SIGNED_HEADERS = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"reply-to",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-language",
    b"auto-submitted",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-id",
    b"precedence",
    b"feedback-id",
)
# Named once more than they occur: another one that is added on the way breaks the signature (RFC 6376, 8.15).
OVERSIGNED_HEADERS = (b"from", b"to", b"subject", b"date", b"reply-to")
WHITESPACE = re.compile(rb"[ \t]+")
FOLDING = re.compile(rb"\r\n(?=[ \t])")
LINE_CHARACTERS = 72  # of the signature in its header


@dataclass(frozen=True)
class DkimKey:
    """A private key and the selector under which DNS has its public key."""

    selector: str
    private_key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The value of `a=`."""
        return "rsa-sha256" if isinstance(self.private_key, RSAPrivateKey) else "ed25519-sha256"


@lru_cache(maxsize=4)
def load_key(selector: str, pem: str) -> DkimKey:
    """Return a key from the settings, which config.py has checked."""
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey | Ed25519PrivateKey)
    return DkimKey(selector, key)


def sign(message: bytes, domain: str, keys: tuple[DkimKey, ...], at: int) -> bytes:
    """Return a message with a `DKIM-Signature` of each key before its headers. `at`: seconds since the epoch."""
    head, _, body = message.partition(b"\r\n\r\n")
    headers = _parse_headers(head)
    body_hash = base64.b64encode(hashlib.sha256(_canonicalise_body(body)).digest()).decode()
    names = [name for name in SIGNED_HEADERS if name in headers]
    signed = b"".join(headers[name] + b"\r\n" for name in names)
    names += [name for name in OVERSIGNED_HEADERS if name in names]
    listed = b":".join(names).decode()
    return b"".join(_make_header(key, domain, listed, body_hash, signed, at) for key in keys) + message


def _parse_headers(head: bytes) -> dict[bytes, bytes]:
    """Return each header in its relaxed form (RFC 6376, 3.4.2), by name; our own emails have each once."""
    headers = {}
    for line in FOLDING.sub(b"", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        headers[name] = name + b":" + WHITESPACE.sub(b" ", value).strip()
    return headers


def _canonicalise_body(body: bytes) -> bytes:
    """Return the relaxed form (RFC 6376, 3.4.4): whitespace reduced, no empty lines at the end."""
    body = body.replace(b"\t", b" ")
    while b"  " in body:  # a few times, each of which takes a tenth of a regular expression's time
        body = body.replace(b"  ", b" ")
    stripped = body.replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    return stripped + b"\r\n" if stripped else b""


def _make_header(key: DkimKey, domain: str, names: str, body_hash: str, signed: bytes, at: int) -> bytes:
    tags = (
        f"v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n d={domain}; s={key.selector}; t={at};\r\n"
        f" bh={body_hash};\r\n h={_fold_names(names)};\r\n b="
    )
    unsigned = b"dkim-signature:" + WHITESPACE.sub(b" ", FOLDING.sub(b"", tags.encode())).strip()
    data = signed + unsigned
    if isinstance(key.private_key, RSAPrivateKey):
        signature = key.private_key.sign(data, PKCS1v15(), hashes.SHA256())
    else:
        signature = key.private_key.sign(hashlib.sha256(data).digest())  # RFC 8463, 3
    encoded = base64.b64encode(signature).decode()
    lines = [encoded[start : start + LINE_CHARACTERS] for start in range(0, len(encoded), LINE_CHARACTERS)]
    folded = "\r\n ".join(lines)
    return f"DKIM-Signature: {tags}{folded}\r\n".encode()


@lru_cache(maxsize=32)
def _fold_names(names: str) -> str:
    """Return a list of names in lines that no server on the way has a reason to fold."""
    lines = [""]
    for name in names.split(":"):
        if len(lines[-1]) + len(name) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n  ".join(lines).removesuffix(":")
