"""Read message counts of RabbitMQ."""

from typing import Any

from amqp import AMQPError, NotFound  # type: ignore[import-untyped]
from kombu import Connection  # type: ignore[attr-defined]

from petition.core.redis_client import TIMEOUT_SECONDS
from petition.delivery.queues import QUEUE_NAMES


def read_depths(url: str) -> tuple[dict[str, int] | None, str | None]:
    """Return the messages of each queue, or the name of the error; never raises."""
    connect: Any = Connection  # kombu has no types
    timeouts = {"read_timeout": TIMEOUT_SECONDS, "write_timeout": TIMEOUT_SECONDS}
    try:
        with connect(url, connect_timeout=TIMEOUT_SECONDS, transport_options=timeouts) as connection:
            return {queue: _read_depth(connection, queue) for queue in QUEUE_NAMES}, None
    except (AMQPError, OSError) as error:
        return None, type(error).__name__


def _read_depth(connection: Any, queue: str) -> int:
    # An error closes the channel, so each queue has its own.
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0  # no worker was ever started on this queue, and nothing was published to it
