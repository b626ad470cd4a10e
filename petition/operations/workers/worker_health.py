"""Ping one worker through the broker, without the application, which would take five times the processor time."""

import socket

from celery import Celery
from kombu.exceptions import KombuError

from petition.core.celery import broker_settings

PING_TIMEOUT_SECONDS = 5.0  # a worker whose threads are all busy still answers, between two polls of the broker


def check_worker(broker_url: str, queue: str) -> str | None:
    """Return None if the worker of a queue on this host answers, else why not."""
    name = f"{queue}@{socket.gethostname()}"
    app = Celery(set_as_current=False)
    app.conf.update(**broker_settings(broker_url), broker_connection_retry=False)
    try:
        if app.control.ping([name], timeout=PING_TIMEOUT_SECONDS, limit=1):
            return None
    except (OSError, KombuError, *app.connection().connection_errors) as error:
        return f"the broker does not answer: {type(error).__name__}"
    return f"{name} does not answer"
