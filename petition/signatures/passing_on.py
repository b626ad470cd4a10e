"""What signers agreed to have passed on to an organisation that the form named, and to whom it may go."""

from typing import Any

from sqlalchemy import and_, true

from petition.signatures.models import Signature, SignatureState

SIGNER_FIELDS = (
    "party", "name", "organisation", "email", "profession", "city", "postal_code", "country", "locale", "updates",
)  # fmt: skip

# The same of rows.
IS_PASSED_ON = and_(
    Signature.passed_on == true(),
    Signature.state == SignatureState.CONFIRMED.value,
    Signature.restricted_at.is_(None),
    Signature.anonymised_at.is_(None),
)


def is_passed_on(signature: Signature) -> bool:
    """Say whether a signature may be passed on: its signer agreed, it counts, and nothing restricts its use."""
    return (
        signature.passed_on
        and signature.state == SignatureState.CONFIRMED
        and signature.restricted_at is None
        and signature.anonymised_at is None
    )


def represent_signer(signature: Signature) -> dict[str, Any]:
    """Return what a signer wrote, for who may have it: ask `is_passed_on` first."""
    return {name: getattr(signature, name) for name in SIGNER_FIELDS}
