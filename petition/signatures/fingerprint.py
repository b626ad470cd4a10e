"""What a signer's own pages show of a signature, and a fingerprint of it: whether it changed since it was shown."""

import hashlib
from typing import Any

from petition.core.hashing import keyed_hashes
from petition.signatures.models import Signature

DISPLAYED_FIELDS = ("party", "name", "profession", "organisation", "city", "listed", "updates")
# No submitted text contains these characters: `validation.clean_text` refuses them.
FIELD_SEPARATOR, NULL_MARKER = "\x1f", "\x1e"


def present_for_signer(signature: Signature) -> dict[str, Any]:
    """Return what a signer's own pages show of the signature."""
    confirmed_on = signature.confirmed_at.date() if signature.confirmed_at else None
    details = {name: getattr(signature, name) for name in DISPLAYED_FIELDS}
    return {
        **details,
        "email_masked": mask_email(signature.email),
        "state": signature.state,
        "confirmed_on": confirmed_on,
    }


def compute_fingerprint(signature: Signature) -> str:
    """Return a hash of the details that the confirmation page shows; `queries.CONFIRM_BY_LINK` computes the same."""
    values = [getattr(signature, name) for name in (*DISPLAYED_FIELDS, "email")]
    texts = [
        NULL_MARKER if value is None else str(value).lower() if isinstance(value, bool) else value for value in values
    ]
    text = FIELD_SEPARATOR.join((derive_salt(signature.id), *texts))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def derive_salt(signature_id: int) -> str:
    """Return the secret that keeps a fingerprint from being used to guess an address; derived from the key."""
    return keyed_hashes("seen", str(signature_id))[0]


def mask_email(address: str) -> str:
    """Return an address that its owner recognises, with all but its first character and domain masked."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}{'•' * 5}@{domain}"
