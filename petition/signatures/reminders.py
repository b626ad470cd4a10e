"""Remind signers who have not confirmed, once; those of a restricted signature (GDPR, article 18) never."""

from datetime import timedelta

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.petitions.models import Petition
from petition.signatures.queries import MARK_REMINDED_SQL

REMIND_AFTER = timedelta(days=3)
REMIND_UNTIL = timedelta(days=5)  # whoever was not reminded by then is not read again
BATCH_SIZE = 500


def enqueue_reminders() -> int:
    """Enqueue the only reminder of a batch of signers who have not confirmed after three days.

    Only to a mailbox whose owner confirmed another signature, of any petition: one that never reacted to anything may
    belong to somebody who never signed. Flushes, does not commit. Returns how many: call again until it is none.
    """
    now = clock.now()
    petitions = [petition.id for petition in db.session.scalars(select(Petition)) if petition.people_can_confirm]
    parameters = {
        "now": now, "since": now - REMIND_UNTIL, "until": now - REMIND_AFTER, "petitions": petitions,
        "batch_size": BATCH_SIZE,
    }  # fmt: skip
    marked = db.session.execute(MARK_REMINDED_SQL, parameters).all()
    enqueue("reminder", NOTIFICATIONS, [OutboxEntry(*row) for row in marked])
    return len(marked)
