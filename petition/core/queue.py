"""Celery, bound to the Flask app: tasks run in its context, and nothing waits long for a broker."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from celery import Celery, Task
from celery.signals import before_task_publish
from flask import Flask

PUBLISH_TIMEOUT = 0.5  # seconds


class FlaskTask(Task):  # type: ignore[misc]
    """A task that runs inside the application's context, with a session of its own."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        with self.app.flask_app.app_context():
            return self.run(*args, **kwargs)


class Published(NamedTuple):
    """When a message was put on the queue, and by what: the doorbell, or beat's sweep."""

    at: datetime | None = None
    by: str | None = None


@before_task_publish.connect
def _stamp(headers: dict[str, Any], **_: Any) -> None:
    headers["published_at"] = datetime.now(UTC).timestamp()
    headers.setdefault("published_by", "sweep")


def published(request: Any) -> Published:
    """Return when and by what the message of a running task was published."""
    at, by = getattr(request, "published_at", None), getattr(request, "published_by", None)
    return Published(datetime.fromtimestamp(at, UTC) if at else None, by)


def _transport_options(url: str) -> dict[str, Any]:
    if not url.startswith(("redis", "rediss", "unix")):
        return {"connect_timeout": PUBLISH_TIMEOUT}
    return {
        "visibility_timeout": 300,  # seconds; no task lasts a minute
        # For publishing; worker.py lengthens it, as a worker blocks on its queue.
        "socket_timeout": PUBLISH_TIMEOUT,
        "socket_connect_timeout": PUBLISH_TIMEOUT,
        "socket_keepalive": True,
    }


def init_app(app: Flask) -> Celery:
    """Make the application's Celery, at `app.extensions["celery"]`, and the default for `shared_task`."""
    celery = Celery("petition", task_cls=FlaskTask)
    celery.flask_app = app
    celery.conf.update(
        broker_url=app.config["BROKER_URL"],
        broker_transport_options=_transport_options(app.config["BROKER_URL"]),
        broker_connection_timeout=PUBLISH_TIMEOUT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_ignore_result=True,
        task_publish_retry=False,
        # A lost ring costs seconds, a ring run twice costs an empty claim: the row is the truth.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_default_queue="upkeep",
        enable_utc=True,
    )
    celery.set_default()
    app.extensions["celery"] = celery
    return celery
