"""Celery, bound to the Flask app: tasks run in its context, and nothing waits long for a broker."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from celery import Celery, Task
from celery.signals import before_task_publish
from flask import Flask
from kombu import Queue  # type: ignore[attr-defined]
from kombu.transport import redis as by_redis

from petition.core.sentinels import SCHEME, parse

PUBLISH_TIMEOUT = 0.5  # seconds
WORKER_TIMEOUT = 5.0  # seconds; a worker asks anew each second, so a broker that takes longer hangs


class FlaskTask(Task):  # type: ignore[misc]
    """A task that runs inside the application's context, with a session of its own."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        with self.app.flask_app.app_context():
            return self.run(*args, **kwargs)


class InHand(by_redis.QoS):
    """What a worker has in hand. The row is the truth: where the broker went away, there is nothing to tell it.

    kombu tries to by a connection that is no more, and would end the worker (github.com/celery/kombu/issues/582).
    """

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        """Say that a message was taken, if whoever gave it is still there."""
        if self.channel.connection is not None:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]


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


def queues(names: Iterable[str], broker_url: str) -> list[Any]:
    """Return queues as the broker should keep them: on RabbitMQ replicated to a majority of its nodes."""
    # kombu carries no types.
    declare: Any = Queue
    return [declare(name, queue_arguments={"x-queue-type": _queue_type(broker_url)}) for name in names]


def _queue_type(broker_url: str) -> str:
    return "quorum" if broker_url.startswith("amqp") else "classic"


def _broker(url: str) -> dict[str, Any]:
    """Return Celery's settings of a broker, for publishing; worker.py lengthens what a worker needs longer."""
    if url.startswith("amqp"):
        return {
            "broker_url": url,
            "broker_transport_options": {"read_timeout": PUBLISH_TIMEOUT, "write_timeout": PUBLISH_TIMEOUT},
            # A server that went away without a word is missed after two of these seconds, not after minutes.
            "broker_heartbeat": 10,
            "task_default_queue_type": _queue_type(url),
            "task_create_missing_queue_type": _queue_type(url),
            # Celery declares queues for tasks with a countdown; there are none here, so these need not be replicated.
            "broker_native_delayed_delivery_queue_type": "classic",
        }
    options: dict[str, Any] = {
        "visibility_timeout": 300,  # seconds; no task lasts a minute
        "socket_timeout": PUBLISH_TIMEOUT,
        "socket_connect_timeout": PUBLISH_TIMEOUT,
        "socket_keepalive": True,
        # A worker that waits for a server that went away without a word misses it after twice this, in seconds.
        "health_check_interval": 5,
    }
    if not url.startswith(SCHEME):
        return {"broker_url": url, "broker_transport_options": options}
    watched, patience = parse(url), {"socket_timeout": PUBLISH_TIMEOUT, "socket_connect_timeout": PUBLISH_TIMEOUT}
    options |= {"master_name": watched.name, "sentinel_kwargs": patience}
    return {"broker_url": watched.for_kombu, "broker_transport_options": options}


def patient(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a transport's options with sockets that wait as long as a worker does for its next task."""
    return {**options, **{name: WORKER_TIMEOUT for name in ("socket_timeout", "read_timeout") if name in options}}


def init_app(app: Flask) -> Celery:
    """Make the application's Celery, at `app.extensions["celery"]`, and the default for `shared_task`."""
    celery = Celery("petition", task_cls=FlaskTask)
    celery.flask_app = app
    celery.conf.update(
        **_broker(app.config["BROKER_URL"]),
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
