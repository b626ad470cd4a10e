"""Ports that nothing listens on, below the range that the system hands out by itself."""

import os
import random
import socket
from collections import deque

# What was asked for a moment ago may not be listened on yet.
recently_given: deque[int] = deque(maxlen=50)


def free_port() -> int:
    """Return a loopback port that is free now, from a range of this parallel worker's own."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    candidates = [port for port in range(11_000 + number * 400, 11_400 + number * 400) if port not in recently_given]
    random.shuffle(candidates)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            recently_given.append(port)
            return port
    raise AssertionError("no free port")
