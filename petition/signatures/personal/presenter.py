"""A signature as its signer's own pages show it."""

from typing import Any

from petition.signatures.models import Signature, SignatureState
from petition.signatures.partner_news.consents import list_agreed_names

DISPLAYED_FIELDS = ("party", "own_name", "profession", "organisation", "city", "shown", "updates")


def present_for_signer(signature: Signature) -> dict[str, Any]:
    """Return what the confirmation page and the personal page show of a signature."""
    return {
        **{name: getattr(signature, name) for name in DISPLAYED_FIELDS},
        **{name: getattr(signature, name) for name in ("postal_code", "country", "listed")},
        **{name: getattr(signature, name) for name in ("named_when", "named_from", "team_sees_name")},
        "name": signature.own_name,
        "is_withheld": signature.withheld_name is not None,
        "email_masked": mask_email(signature.email),
        # A quarantined one is confirmed, for its signer.
        "state": SignatureState.CONFIRMED if signature.is_confirmed else signature.state,
        "news_from": list_agreed_names(signature),
        "review": signature.review,
        "confirmed_on": signature.confirmed_at.date() if signature.confirmed_at else None,
    }


def mask_email(address: str) -> str:
    """Return an address that its owner recognises and somebody looking over their shoulder cannot read."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}{'•' * 5}@{domain}"
