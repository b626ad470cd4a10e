"""The fingerprint of the details that the confirmation page shows: whether they changed since they were read.

The hash is MD5 because PostgreSQL computes it too, while it confirms (`queries.CONFIRM_BY_LINK_SQL`). A secret salt
keeps it from revealing an address to somebody who guesses.
"""

import hashlib
from typing import Any, Protocol

from petition.core.hashing import keyed_hashes
from petition.signatures.personal.presenter import DISPLAYED_FIELDS

# No text of a signer contains these: `clean_text` rejects them.
FIELD_SEPARATOR, NULL_MARKER = "\x1f", "\x1e"
PURPOSE = "seen"
FINGERPRINT_FIELDS = (*DISPLAYED_FIELDS, "email")


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


def compute_fingerprint(signature: _HasId) -> str:
    """Return the fingerprint of a signature, or of any row that has its `id` and `FINGERPRINT_FIELDS`."""
    return _compute(signature, derive_salt(signature.id))


def is_current(signature: _HasId, seen: str) -> bool:
    """Return whether a fingerprint is that of the signature as it is, computed with this key or one before it."""
    return any(seen == _compute(signature, salt) for salt in keyed_hashes(PURPOSE, str(signature.id)))


def _compute(signature: _HasId, salt: str) -> str:
    values = [_to_text(getattr(signature, name)) for name in FINGERPRINT_FIELDS]
    text = FIELD_SEPARATOR.join((salt, *values))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _to_text(value: Any) -> str:
    """Return a value as PostgreSQL casts it to text."""
    if value is None:
        return NULL_MARKER
    return str(value).lower() if isinstance(value, bool) else str(value)


def derive_salt(signature_id: int) -> str:
    """Return the salt of a signature's fingerprint: secret, derived from the application's key."""
    return keyed_hashes(PURPOSE, str(signature_id))[0]
