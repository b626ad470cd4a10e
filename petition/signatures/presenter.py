"""A signature as its signer's own pages show it."""

from typing import Any

from petition.signatures.models import Signature, SignatureState

DISPLAYED_FIELDS = ("party", "name", "profession", "organisation", "city", "listed", "updates")


def present_for_signer(signature: Signature) -> dict[str, Any]:
    """Return what the confirmation page and the personal page show of a signature."""
    return {
        **{name: getattr(signature, name) for name in DISPLAYED_FIELDS},
        **{name: getattr(signature, name) for name in ("postal_code", "country")},
        "email_masked": mask_email(signature.email),
        # A quarantined one is confirmed, for its signer.
        "state": SignatureState.CONFIRMED if signature.is_confirmed else signature.state,
        "review": signature.review,
        "confirmed_on": signature.confirmed_at.date() if signature.confirmed_at else None,
    }


def mask_email(address: str) -> str:
    """Return an address that its owner recognises and somebody looking over their shoulder cannot read."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}{'•' * 5}@{domain}"
