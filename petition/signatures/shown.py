"""What a signer's own pages show of a signature."""

from typing import Any

from sqlalchemy import Row

from petition.core.hashing import keyed_hashes
from petition.signatures.models import Signature

DETAILS = ("party", "name", "profession", "organisation", "city", "listed", "updates")


def shown(signature: Signature) -> dict[str, Any]:
    """Return what a signer's own pages show of the signature."""
    confirmed_on = signature.confirmed_at.date() if signature.confirmed_at else None
    return {**_details(signature), "state": signature.state, "confirmed_on": confirmed_on}


def fingerprint(signature: Signature | Row[Any]) -> str:
    """Return a keyed hash of the details that the confirmation page shows: whether they changed since it was read."""
    return keyed_hashes("seen", repr(list(_details(signature).items())))[0]


def _details(signature: Signature | Row[Any]) -> dict[str, Any]:
    return {**{name: getattr(signature, name) for name in DETAILS}, "email_masked": mask(signature.email)}


def mask(address: str) -> str:
    """Return an address that its owner recognises and a glance over the shoulder does not give away."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}{'•' * 5}@{domain}"
