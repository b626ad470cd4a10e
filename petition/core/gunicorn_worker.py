"""gunicorn thread worker that balances connections between processes."""

import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

DELAY_PER_CONNECTION_SECONDS = 0.0001  # before accept, for each connection that the process already has
MAX_DELAY_SECONDS = 0.001


class LeastConnectionsWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Delay accept in proportion to open connections, so that the process with the fewest takes the next one.

    A new connection wakes all processes, and the first one awake takes it. A proxy's keep-alive connections at times
    ended up in one process, with the other idle: 930 signatures/s instead of 1,160 to 1,230 with two processes and 16
    connections (docs/performance/README.md, "Web processes"). gunicorn's own gthread has no such option.
    """

    def accept(self, listener: Any) -> None:
        """Accept a connection, unless another process took it during the delay."""
        time.sleep(min(self.nr_conns * DELAY_PER_CONNECTION_SECONDS, MAX_DELAY_SECONDS))
        super().accept(listener)
