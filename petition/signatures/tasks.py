"""What beat asks for, in bounded batches, each its own transaction."""

import time
from collections.abc import Callable

from petition.core.db import db
from petition.signatures.retention import delete_expired, enqueue_reminders, erase_expired_networks
from petition.signatures.search.saved import delete_expired_searches

MAX_RUN_SECONDS = 25.0  # seconds; what is left waits for the next round


def _run_in_batches(step: Callable[[], int]) -> None:
    ends = time.monotonic() + MAX_RUN_SECONDS
    while step() and time.monotonic() < ends:
        db.session.commit()
    db.session.commit()


def run_reminders() -> None:
    """Remind those who have not confirmed after three days."""
    _run_in_batches(enqueue_reminders)


def run_retention() -> None:
    """Forget what was never confirmed, from where signatures came a month ago, and what the team searched for."""
    delete_expired_searches()
    _run_in_batches(delete_expired)
    _run_in_batches(erase_expired_networks)
