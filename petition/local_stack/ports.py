"""Free ports of this machine's own address."""

import random
import socket
from collections.abc import Collection

from petition.local_stack.processes import LocalStackError

# Below what systems hand out to outgoing connections, so that none takes it between two starts.
PORT_RANGE = range(20_000, 30_000)


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of 127.0.0.1 now.

    Raises `EngineError` when ports of this kind are not for this user.
    """
    with socket.socket() as probe:
        # As the servers do: connections just closed do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except PermissionError:
            raise LocalStackError(f"port {port} is for root alone: choose a --port from 1024 on") from None
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
