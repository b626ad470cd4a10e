"""Signed notes: checkpoints and the signatures of witnesses (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from petition.core.exceptions import ValidationError

ED25519, COSIGNATURE = b"\x01", b"\x04"  # the types of keys, as in a verifier key
NAME_PATTERN = re.compile(r"[^\s+]{1,200}")
MAX_TIMESTAMP_BYTES = 8


@dataclass(frozen=True)
class Checkpoint:
    """The size and root of a log, as its note says."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


@dataclass(frozen=True)
class VerifierKey:
    """The public key of a log or a witness, in the notation `name+id+key`."""

    name: str
    key_type: bytes
    key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell the keys of a name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.key_type + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encode(self.key_type + self.key)}"

    @classmethod
    def parse(cls, value: str) -> "VerifierKey":
        """Return the key that a text denotes. Raises `ValueError`."""
        name, key_id, encoded = value.strip().split("+", 2)
        data = base64.b64decode(encoded, validate=True)
        found = cls(name, data[:1], data[1:])
        if not NAME_PATTERN.fullmatch(name) or len(found.key) != 32 or found.key_id.hex() != key_id:
            raise ValueError(value)
        return found


def load_key(seed: str) -> Ed25519PrivateKey:
    """Return the private key of a base64 seed of 32 bytes. Raises `ValueError`."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed, validate=True))


def make_verifier_key(name: str, key: Ed25519PrivateKey) -> VerifierKey:
    """Return the public key of a log."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return VerifierKey(name, ED25519, raw)


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Return the note of a checkpoint, signed."""
    verifier = make_verifier_key(checkpoint.origin, key)
    signature = key.sign(checkpoint.body().encode())
    return f"{checkpoint.body()}\n{_signature_line(verifier, signature)}"


def parse_checkpoint(note: str) -> tuple[Checkpoint, str, list[str]]:
    """Return a note's checkpoint, its signed text and its signature lines. Raises `ValueError`."""
    body, separator, signatures = note.partition("\n\n")
    lines = body.split("\n")
    if not separator or len(lines) < 3 or not lines[1].isascii() or not lines[1].isdigit():
        raise ValueError(note[:80])
    checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
    return checkpoint, body + "\n", [line for line in signatures.split("\n") if line]


def check_cosignature(body: str, line: str, witness: VerifierKey) -> bool:
    """Return whether a line is a witness's signature of a checkpoint."""
    prefix = f"— {witness.name} "
    if not line.startswith(prefix):
        return False
    try:
        data = base64.b64decode(line[len(prefix) :], validate=True)
    except ValueError:
        return False
    key_id, timestamp, signature = data[:4], data[4 : 4 + MAX_TIMESTAMP_BYTES], data[4 + MAX_TIMESTAMP_BYTES :]
    if key_id != witness.key_id or witness.key_type != COSIGNATURE:
        return False
    signed = f"cosignature/v1\ntime {int.from_bytes(timestamp)}\n{body}"
    try:
        Ed25519PublicKey.from_public_bytes(witness.key).verify(signature, signed.encode())
    except InvalidSignature:
        return False
    return True


def require_cosignature(body: str, lines: list[str], witnesses: list[VerifierKey]) -> tuple[VerifierKey, str]:
    """Return the witness that countersigned and its line. Raises `ValidationError`."""
    for witness in witnesses:
        for line in lines:
            if check_cosignature(body, line, witness):
                return witness, line
    raise ValidationError({"note": "No known witness signed this checkpoint: see docs/integrity.md for the format."})


def _signature_line(verifier: VerifierKey, signature: bytes) -> str:
    return f"— {verifier.name} {_encode(verifier.key_id + signature)}\n"


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
