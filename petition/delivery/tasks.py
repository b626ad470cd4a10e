"""Celery tasks: send the due emails of a queue, delete old budgets and what is known of providers."""

import threading
from typing import Any

from celery.signals import worker_shutting_down

from petition.core.celery import read_publish_info
from petition.core.db import db
from petition.delivery.budgets import delete_expired
from petition.delivery.pacing.actions import delete_old
from petition.delivery.wakeup import clear_wakeup_flag
from petition.delivery.worker import run_queue

_shutting_down = threading.Event()


def stop_on_shutdown() -> None:
    """Let running tasks end early when Celery shuts the worker down."""
    worker_shutting_down.connect(_stop)


def _stop(**_: Any) -> None:
    """Let each thread finish the email that it is sending, and release the rest of its claim."""
    _shutting_down.set()


def run_retention() -> None:
    """Delete the budgets of emails whose windows are long over, and what is known of providers and is old."""
    delete_expired()
    delete_old()
    db.session.commit()


def run_queue_task(self: Any, queue: str) -> None:
    """Send what is due in a queue."""
    clear_wakeup_flag(queue)
    run_queue(queue, may_continue=lambda: not _shutting_down.is_set(), wakeup=read_publish_info(self.request))
