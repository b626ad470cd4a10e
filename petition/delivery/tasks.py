"""What Celery runs for the queues."""

import threading
from typing import Any

from celery.signals import worker_shutting_down

from petition.core.celery import read_publish_info
from petition.delivery.wakeup import clear_wakeup_flag
from petition.delivery.worker import run_queue

_stopping = threading.Event()


def stop_on_shutdown() -> None:
    """Let the running task end early when Celery shuts the worker down."""
    worker_shutting_down.connect(_stop)


def _stop(**_: Any) -> None:
    """Let a worker that is told to stop finish the email in hand and give the rest back."""
    _stopping.set()


def run_queue_task(self: Any, queue: str) -> None:
    """Send what is due in a queue."""
    clear_wakeup_flag(queue)
    run_queue(queue, may_continue=lambda: not _stopping.is_set(), wakeup=read_publish_info(self.request))
