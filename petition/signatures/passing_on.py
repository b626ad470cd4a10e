"""What signers agreed to have passed on to an organisation that the form named, and to whom it may go."""

from typing import Any

from sqlalchemy import Select, select, true

from petition.core.db import db
from petition.petitions.models import Petition
from petition.signatures.consent import passing_on_version
from petition.signatures.models import ConsentWording, Signature, SignatureState

SIGNER_FIELDS = (
    "party", "name", "organisation", "email", "profession", "city", "postal_code", "country", "locale", "updates",
)  # fmt: skip


def is_passed_on(signature: Signature) -> bool:
    """Say whether a signature may be passed on: its signer agreed, it counts, and nothing restricts its use.

    What they agreed to must name the organisation that the petition names now. One whose name is withheld is not passed
    on until it is shown: an address would tell who waits.
    """
    if (
        not signature.passed_on
        or signature.state != SignatureState.CONFIRMED
        or signature.restricted_at is not None
        or signature.anonymised_at is not None
        or signature.withheld_name is not None
    ):
        return False
    organisation = signature.petition.passes_on_to
    wording = db.session.get(ConsentWording, signature.passed_on_wording_id) if signature.passed_on_wording_id else None
    return bool(organisation and wording and wording.version == passing_on_version(organisation))


def select_passed_on(petition: Petition) -> Select[Signature]:
    """Return the query of a petition's signatures that may be passed on."""
    version = passing_on_version(petition.passes_on_to or "")
    wordings = select(ConsentWording.id).where(ConsentWording.version == version)
    return select(Signature).where(
        Signature.petition_id == petition.id,
        Signature.passed_on == true(),
        Signature.passed_on_wording_id.in_(wordings),
        Signature.state == SignatureState.CONFIRMED.value,
        Signature.restricted_at.is_(None),
        Signature.anonymised_at.is_(None),
        Signature.withheld_name.is_(None),
    )


def represent_signer(signature: Signature) -> dict[str, Any]:
    """Return what a signer wrote, for who may have it: ask `is_passed_on` first."""
    return {name: getattr(signature, name) for name in SIGNER_FIELDS}
