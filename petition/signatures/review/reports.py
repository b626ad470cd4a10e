"""Readers' reports of names in the public list: counted by reason, nothing of the reader kept."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.core.ids import MAX_ID
from petition.petitions.models import Listing, Petition
from petition.signatures.models import IS_LISTED, Signature
from petition.signatures.review.models import NameReport


def report(petition: Petition, number: int, reason: str) -> None:
    """Count a report of the entry with a number in the public list; the team finds it on its list from the first on.

    The name stays in the list until the team decides. Nothing happens if the entry is not, or no longer, listed: the
    caller learns neither. Flushes, does not commit.
    """
    if number > MAX_ID or petition.listing == Listing.NONE:
        return
    entry = select(Signature).where(Signature.petition_id == petition.id, Signature.confirmed_no == number, IS_LISTED)
    signature = db.session.scalar(entry.with_for_update(of=Signature))
    if signature is None:
        return
    if signature.reported_at is None:  # what was reported before the team's last decision is decided
        db.session.execute(delete(NameReport).where(NameReport.signature_id == signature.id))
        signature.reported_at = clock.now()
        db.session.flush()
    upsert = insert(NameReport).values(signature_id=signature.id, reason=reason, reports=1)
    upsert = upsert.on_conflict_do_update(
        index_elements=["signature_id", "reason"], set_={"reports": NameReport.reports + 1}
    )
    db.session.execute(upsert)
