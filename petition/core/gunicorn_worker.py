"""The web processes' share of connections: gunicorn's threads, each process in its turn."""

import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

DELAY_PER_CONNECTION_SECONDS = (
    0.0001  # seconds that a process waits for each connection it holds, before it takes another
)
MAX_DELAY_SECONDS = 0.001  # seconds: what everybody's connection may wait for


class LeastConnectionsWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Leave a new connection to a process that holds fewer.

    All processes hear of it, and whoever is awake takes one after the other: those that a proxy opens and keeps would
    all fall to one, which then has more than its core can do while the others have nothing.
    """

    def accept(self, listener: Any) -> None:
        """Take a connection, unless another process has taken it meanwhile."""
        time.sleep(min(self.nr_conns * DELAY_PER_CONNECTION_SECONDS, MAX_DELAY_SECONDS))
        super().accept(listener)
