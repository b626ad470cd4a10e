"""Find free TCP ports on 127.0.0.1."""

import random
import socket
from collections.abc import Collection

from petition.local_stack.processes import LocalStackError

# Below the range of outgoing connections, so that none occupies a port between two starts.
PORT_RANGE = range(20_000, 30_000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now.

    Raises `LocalStackError` when this user may not listen on it.
    """
    with socket.socket() as probe:
        # As servers do: connections that were just closed do not occupy a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except PermissionError:
            raise LocalStackError(f"only root may listen on port {port}: choose a --port from 1024 on") from None
        except OSError:
            return False
    return True


def choose_port(remembered: int | None, taken: Collection[int] = ()) -> int:
    """Return the remembered port when it is free, else another free one."""
    if remembered is not None and remembered not in taken and is_free(remembered):
        return remembered
    # At random, so that two stacks started together hardly ever choose the same.
    for port in random.SystemRandom().sample(PORT_RANGE, 200):
        if port not in taken and is_free(port):
            return port
    raise LocalStackError("no free port between 20000 and 30000")
