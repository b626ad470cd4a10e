"""Ports that nothing listens on, below the range that the system assigns by itself."""

import random
import socket
from collections import deque

PORTS = range(11_000, 20_000)
# A UDP socket on the same number reserves a TCP port among all test processes of the machine, until it is closed.
reservations: deque[socket.socket] = deque(maxlen=200)


def free_port() -> int:
    """Return a loopback port that is free now and that no other call returns soon, in this process or another."""
    for port in random.SystemRandom().sample(PORTS, 500):
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                # As servers do: connections that were just closed do not occupy a port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        reservations.append(reservation)
        return port
    raise AssertionError("no free port between 11000 and 20000")
