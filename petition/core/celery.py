"""The Celery app, bound to the Flask app: tasks run in its context, and publishing has short timeouts."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from celery import Celery, Task
from celery.signals import before_task_publish
from flask import Flask
from kombu import Connection, Queue  # type: ignore[attr-defined]
from kombu.transport import redis as by_redis
from kombu.transport.virtual.base import UndeliverableWarning

from petition.core.db import is_outage
from petition.core.redis_sentinel import SCHEME, parse_sentinel_url

PUBLISH_TIMEOUT_SECONDS = 0.5
MAX_RECONNECT_INTERVAL_SECONDS = 5.0  # a broker that is back is found within this time
WORKER_SOCKET_TIMEOUT_SECONDS = 5.0  # a worker polls every second: a broker that takes longer to reply hangs

log = structlog.get_logger(__name__)


class FlaskTask(Task):  # type: ignore[misc]
    """A task that runs in an application context, with a database session of its own.

    While the database does not answer, each that fails logs a line, not a traceback: rows say what remains to be done.
    """

    def __call__(self, *args: object, **kwargs: object) -> object:
        with self.app.flask_app.app_context():
            try:
                return self.run(*args, **kwargs)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.error("database unavailable", task=self.name, error=type(getattr(error, "orig", error)).__name__)
                return None


class PromptConnection(Connection):
    """A connection that is tried again every few seconds while the broker is gone; kombu waits up to half a minute."""

    def _ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        names = ("errback", "max_retries", "interval_start", "interval_step", "interval_max")
        options |= dict(zip(names, arguments, strict=False))
        asked = options.get("interval_max", MAX_RECONNECT_INTERVAL_SECONDS)
        connect: Any = super()._ensure_connection
        return connect(**options | {"interval_max": min(asked, MAX_RECONNECT_INTERVAL_SECONDS)})


class DisconnectTolerantQoS(by_redis.QoS):
    """The unacknowledged messages of a worker, which are dropped without error when the broker disconnects.

    kombu would acknowledge them on the lost connection, and end the worker (github.com/celery/kombu/issues/582).
    Nothing is lost: a message only says that rows may be due.
    """

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, unless the connection that it came by is closed."""
        if self.channel.connection is not None:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]


class PublishInfo(NamedTuple):
    """When a message was published, and by what: a wake-up, or beat's sweep."""

    at: datetime | None = None
    by: str | None = None


def _add_publish_headers(headers: dict[str, Any], **_: Any) -> None:
    headers["published_at"] = datetime.now(UTC).timestamp()
    headers.setdefault("published_by", "sweep")


def read_publish_info(request: Any) -> PublishInfo:
    """Return when and by what the message of a running task was published."""
    at, by = getattr(request, "published_at", None), getattr(request, "published_by", None)
    return PublishInfo(datetime.fromtimestamp(at, UTC) if at else None, by)


def declare_queues(names: Iterable[str], broker_url: str) -> list[Any]:
    """Return the broker's queues: on RabbitMQ replicated to a majority of its nodes."""
    declare: Any = Queue  # kombu has no type hints
    return [declare(name, queue_arguments={"x-queue-type": _queue_type(broker_url)}) for name in names]


def _queue_type(broker_url: str) -> str:
    return "quorum" if broker_url.startswith("amqp") else "classic"


def broker_settings(url: str) -> dict[str, Any]:
    """Return Celery's settings of a broker, for publishing; `with_worker_timeouts` adapts them to a worker."""
    if url.startswith("amqp"):
        return {
            "broker_url": url,
            "broker_transport_options": {
                "read_timeout": PUBLISH_TIMEOUT_SECONDS,
                "write_timeout": PUBLISH_TIMEOUT_SECONDS,
            },
            # Seconds. A server that disappears is noticed after two heartbeats, not after minutes.
            "broker_heartbeat": 10,
            "task_default_queue_type": _queue_type(url),
            "task_create_missing_queue_type": _queue_type(url),
        }
    options: dict[str, Any] = {
        "visibility_timeout": 300,  # seconds; no task runs for a minute
        "socket_timeout": PUBLISH_TIMEOUT_SECONDS,
        "socket_connect_timeout": PUBLISH_TIMEOUT_SECONDS,
        "socket_keepalive": True,
        # Seconds. A waiting worker notices that the server disappeared after twice this time.
        "health_check_interval": 5,
    }
    if not url.startswith(SCHEME):
        return {"broker_url": url, "broker_transport_options": options}
    sentinel = parse_sentinel_url(url)
    timeouts = {"socket_timeout": PUBLISH_TIMEOUT_SECONDS, "socket_connect_timeout": PUBLISH_TIMEOUT_SECONDS}
    options |= {"master_name": sentinel.name, "sentinel_kwargs": timeouts}
    return {"broker_url": sentinel.kombu_url, "broker_transport_options": options}


def with_worker_timeouts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a transport's options with socket timeouts that suit a worker, which waits for its next task."""
    return {
        **options,
        **{name: WORKER_SOCKET_TIMEOUT_SECONDS for name in ("socket_timeout", "read_timeout") if name in options},
    }


def register_task(app: Flask, function: Callable[..., Any], **options: Any) -> None:
    """Register a function as a Celery task under its dotted name."""
    app.extensions["celery"].task(name=f"{function.__module__}.{function.__name__}", **options)(function)


def init_app(app: Flask) -> Celery:
    """Create the Celery app, as `app.extensions["celery"]`."""
    before_task_publish.connect(_add_publish_headers)
    # Said where Redis has lost its bindings; kombu declares the queue again and puts the message there.
    warnings.filterwarnings("ignore", category=UndeliverableWarning)
    celery = Celery("petition", task_cls=FlaskTask)
    celery.flask_app = app
    celery.amqp.Connection = PromptConnection
    celery.conf.update(
        **broker_settings(app.config["BROKER_URL"]),
        broker_connection_timeout=PUBLISH_TIMEOUT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_ignore_result=True,
        task_publish_retry=False,
        # A lost message delays an email by seconds, a repeated one costs an empty claim: the rows are what counts.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_default_queue="maintenance",
        enable_utc=True,
    )
    celery.set_default()
    app.extensions["celery"] = celery
    return celery
