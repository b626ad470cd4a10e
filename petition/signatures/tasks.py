"""What beat asks for, in bounded batches, each its own transaction."""

import time
from collections.abc import Callable

from celery import shared_task

from petition.core.db import db
from petition.signatures.searches import forget_searches
from petition.signatures.upkeep import forget, forget_networks, remind

ROUND = 25.0  # seconds; what is left waits for the next round


def _in_batches(step: Callable[[], int]) -> None:
    ends = time.monotonic() + ROUND
    while step() and time.monotonic() < ends:
        db.session.commit()
    db.session.commit()


@shared_task(name="petition.signatures.tasks.remind")
def run_remind() -> None:
    """Remind those who have not confirmed after three days."""
    _in_batches(remind)


@shared_task(name="petition.signatures.tasks.forget")
def run_forget() -> None:
    """Forget what was never confirmed, from where signatures came a month ago, and what the team searched for."""
    forget_searches()
    _in_batches(forget)
    _in_batches(forget_networks)
