"""What a signer's own pages show of a signature."""

import hashlib
from typing import Any

from petition.core.hashing import keyed_hashes
from petition.signatures.models import Signature

DISPLAYED_FIELDS = ("party", "name", "profession", "organisation", "city", "listed", "updates")
# No text that somebody typed holds these: `tidy` refuses them.
FIELD_SEPARATOR, NULL_MARKER = "\x1f", "\x1e"
# `fingerprint` as the database works it out, of a signature `s`.
FINGERPRINT_SQL = "md5(concat_ws(chr(31), CAST(:salt AS text), {}))".format(
    ", ".join(f"coalesce(CAST(s.{name} AS text), chr(30))" for name in (*DISPLAYED_FIELDS, "email"))
)


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
    """Return a hash of the details that the confirmation page shows: whether they changed since it was read."""
    values = [getattr(signature, name) for name in (*DISPLAYED_FIELDS, "email")]
    texts = [
        NULL_MARKER if value is None else str(value).lower() if isinstance(value, bool) else value for value in values
    ]
    return hashlib.md5(
        FIELD_SEPARATOR.join((derive_salt(signature.id), *texts)).encode(), usedforsecurity=False
    ).hexdigest()


def derive_salt(signature_id: int) -> str:
    """Return what makes a fingerprint tell nothing of an address to whoever guesses at it; secret, and not the key."""
    return keyed_hashes("seen", str(signature_id))[0]


def mask_email(address: str) -> str:
    """Return an address that its owner recognises and a glance over the shoulder does not give away."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}{'•' * 5}@{domain}"
