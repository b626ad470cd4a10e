"""What Celery runs for the lanes."""

import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from petition.core.queue import published
from petition.delivery.dispatch import dispatch
from petition.delivery.doorbell import DISPATCH, answer

_stopping = threading.Event()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """Let a worker that is told to stop finish the email in hand and give the rest back."""
    _stopping.set()


@shared_task(name=DISPATCH, bind=True)
def run_dispatch(self: Any, lane: str) -> None:
    """Send what is due in a lane."""
    answer(lane)
    dispatch(lane, may_go_on=lambda: not _stopping.is_set(), rung=published(self.request))
