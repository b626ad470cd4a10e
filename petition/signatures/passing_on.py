"""What signers agreed to have passed on to an organisation that the form named, and to whom it may go."""

from typing import Any

from petition.signatures.models import Signature, SignatureState

SIGNER_FIELDS = (
    "party", "name", "organisation", "email", "profession", "city", "postal_code", "country", "locale", "updates",
)  # fmt: skip


def is_passed_on(signature: Signature) -> bool:
    """Say whether a signature may be passed on: its signer agreed, it counts, nothing restricts its use.

    One whose name is withheld is not, until it is shown: an address would tell who waits.
    """
    return (
        signature.passed_on
        and signature.state == SignatureState.CONFIRMED
        and signature.restricted_at is None
        and signature.anonymised_at is None
        and signature.withheld_name is None
    )


def represent_signer(signature: Signature) -> dict[str, Any]:
    """Return what a signer wrote, for who may have it: ask `is_passed_on` first."""
    return {name: getattr(signature, name) for name in SIGNER_FIELDS}
