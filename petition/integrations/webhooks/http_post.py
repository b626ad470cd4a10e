"""POST one message to an address that was checked: bounded time and size, no redirect followed."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping

from petition.integrations.webhooks.addresses import Target

CONNECT_TIMEOUT_SECONDS = 5.0
TOTAL_TIMEOUT_SECONDS = 10.0  # of connecting, sending and the answer's headers together


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to the address that was checked, whatever the name resolves to by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_TIMEOUT_SECONDS)
        self.target, self.is_over = target, False

    def connect(self) -> None:
        """Connect, by TLS for https with the certificate of the host's name verified."""
        self.sock = socket.create_connection((self.target.address, self.target.port), CONNECT_TIMEOUT_SECONDS)
        if self.target.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.target.host)

    def end(self) -> None:
        """End the connection under whoever waits for it."""
        self.is_over = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                self.sock.close()


def post(target: Target, headers: Mapping[str, str], body: bytes) -> int | str:
    """Return the status of the answer, or in one word why there is none: `timeout`, `refused`, `tls`, `broken`."""
    connection = _PinnedConnection(target)
    timer = threading.Timer(TOTAL_TIMEOUT_SECONDS, connection.end)
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", target.path, body, {**headers, "Connection": "close"})
        status = connection.getresponse().status  # its body is not read
        return "timeout" if connection.is_over else status  # headers that were cut short look complete
    except ssl.SSLError:
        return "timeout" if connection.is_over else "tls"
    except TimeoutError:
        return "timeout"
    except ConnectionRefusedError:
        return "refused"
    except (OSError, http.client.HTTPException, ValueError):
        return "timeout" if connection.is_over else "broken"
    finally:
        timer.cancel()
        connection.close()
