"""Make emails due again after an operator or the campaign team asked for another try."""

from typing import Any

from sqlalchemy import case, func, update

from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.wakeup import wake_after_commit


def requeue(*conditions: Any) -> list[int]:
    """Make the deliveries that match due now, with all their attempts; return their ids. Flushes, does not commit.

    Wakes the worker of each queue after commit. The attempts made before stay in `attempts`. Emails that were beyond a
    budget are sent now: a person decided so, and their reservation is not asked for again. One that the server refused
    may go to another address than before, if that was corrected.
    """
    rows = db.session.execute(
        update(Delivery)
        .where(*conditions)
        .values(
            state=DeliveryState.DUE,
            attempt=0,
            next_attempt_at=func.now(),
            settled_at=None,
            cause="",
            address_hash=case((Delivery.state == DeliveryState.FAILED, None), else_=Delivery.address_hash),
        )
        .returning(Delivery.id, Delivery.queue)
        .execution_options(synchronize_session=False)
    ).all()
    for queue in {row.queue for row in rows}:
        wake_after_commit(queue)
    return [row.id for row in rows]
