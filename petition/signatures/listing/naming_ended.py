"""Tell those who waited to be named that the petition closed before enough had signed."""

from sqlalchemy import select, update

from petition.core import clock
from petition.core.db import db
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.petitions.models import CONFIRMATION_GRACE_PERIOD, Petition
from petition.signatures.models import NamedWhen, Signature, SignatureState, WithheldCount

BATCH_SIZE = 500
KIND = "name_withheld"


def end_waiting() -> int:
    """Keep a batch of names withheld for good, where their petition is over, and enqueue the emails that say so.

    Their signers can still show them on the personal page. A petition that is opened again names none of them. Flushes.
    Returns how many: call until none.
    """
    waiting = select(Petition).where(Petition.id.in_(select(WithheldCount.petition_id)))
    over = [petition.id for petition in db.session.scalars(waiting) if _is_over(petition)]
    if not over:
        return 0
    batch = select(Signature.id).where(
        Signature.petition_id.in_(over),
        Signature.withheld_name.is_not(None),
        Signature.state == SignatureState.CONFIRMED,
        Signature.named_when != NamedWhen.NEVER,
        Signature.restricted_at.is_(None),
    )
    batch = batch.limit(BATCH_SIZE).with_for_update(skip_locked=True)
    ended = update(Signature).where(Signature.id.in_(batch.scalar_subquery()))
    ended = ended.values(named_when=NamedWhen.NEVER, generation=Signature.generation + 1)
    rows = db.session.execute(
        ended.returning(Signature.petition_id, Signature.id, Signature.generation).execution_options(
            synchronize_session=False
        )
    ).all()
    enqueue(KIND, NOTIFICATIONS, [OutboxEntry(*row) for row in rows])
    return len(rows)


def _is_over(petition: Petition) -> bool:
    """Say whether nobody can sign or confirm any more."""
    closing = petition.closing_moment
    closed = closing is not None and closing + CONFIRMATION_GRACE_PERIOD < clock.now()
    return closed and not petition.people_can_confirm and petition.anonymised_at is None
