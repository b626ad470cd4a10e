"""gunicorn thread worker whose threads never wait for a client, and that balances connections between processes."""

import contextlib
import errno
import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.http import get_parser
from gunicorn.util import write_error
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from petition.core.request_buffer import HeadTooLong, RequestBuffer

DELAY_PER_CONNECTION_SECONDS = 0.0001  # before accept, for each connection that the process already has
MAX_DELAY_SECONDS = 0.001

HEAD_TIMEOUT_SECONDS = 10.0  # for the whole head of a request
BODY_TIMEOUT_SECONDS = 10.0  # without a byte of its body
LINGER_TIMEOUT_SECONDS = 2.0  # for a client to close after us
SEND_TIMEOUT_SECONDS = 15.0  # for a part of a response that does not fit into the socket's buffer
SEND_BUFFER_BYTES = 256 * 1024  # a whole page fits, however slowly it is read
RECEIVE_BYTES = 64 * 1024  # at once
MAX_BUFFERED_BYTES = 64 * 1024 * 1024  # of unfinished requests in a process


INCOMPLETE = object()  # what a thread returns of a request whose rest is still to come


class Connection(TConn):  # type: ignore[misc]  # gunicorn carries no types
    """A connection with what it received of its next requests."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.received = RequestBuffer()
        self.counted_bytes = 0  # of `received`, in the worker's sum
        self.deadline = 0.0
        self.is_closing = self.is_closed = False
        # gunicorn reads from memory alone: what is missing there is the end of the connection to it.
        self.initialized = self.data_ready = True
        self.parser = get_parser(self.cfg, iter(()), self.client)


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Occupy a thread only for as long as bytes are there: what is incomplete waits in the main loop.

    gunicorn's own gthread waits in its threads: for the first byte of each connection, 5 s, and without limit for the
    rest of a request, so that as many slow clients as there are threads stop the site. It also waits for clients to
    close, up to 2 s each, in the loop that accepts connections.

    A slow client has a connection only. Where there are too many, the one that waits for longest is closed; where they
    fill the memory, the one with most in it. Plain HTTP only: TLS is the proxy's.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[Connection, None] = {}  # for the client, the longest first
        self._buffered_bytes = 0
        self._next_check = 0.0

    def init_process(self) -> None:
        """Prepare the listeners, then run."""
        for listener in self.sockets:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # inherited by accept
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Accept a connection, unless another process took it meanwhile."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._make_room()

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for a request on a connection that was just accepted, or give one with bytes to a thread."""
        if isinstance(conn, Connection):
            super().enqueue_req(conn)
            return
        self._wait(Connection(conn.cfg, conn.sock, conn.client, conn.server), HEAD_TIMEOUT_SECONDS)
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Close the connection that has been idle, or else incomplete, for longest."""
        if self.keepalived_conns:
            self._drop(self.keepalived_conns.popleft())
        elif self._waiting:
            self._drop(next(iter(self._waiting)))

    def _wait(self, connection: Connection, seconds: float) -> None:
        if not self.alive:
            seconds = min(seconds, STOP_KEEPALIVE_LINGER)
        connection.deadline = time.monotonic() + seconds
        self._waiting[connection] = None
        self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._on_readable, connection))

    def _on_readable(self, connection: Connection, _socket: Any) -> None:
        """Hand a waiting connection that has data to a thread; discard what comes after the last response."""
        if connection.is_closed:  # by an event of the same round
            return
        if connection.is_closing:
            with contextlib.suppress(BlockingIOError):
                try:
                    is_over = not connection.sock.recv(RECEIVE_BYTES)
                except ConnectionError:
                    is_over = True
                if is_over:
                    self._drop(connection)
            return
        self.poller.unregister(connection.sock)
        del self._waiting[connection]
        self.enqueue_req(connection)

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        """Let a thread read the next request of a kept connection."""
        if conn.is_closed:
            return
        conn.deadline = 0.0
        super().on_client_socket_readable(conn, client)

    def handle(self, conn: Connection) -> Any:
        """Read what there is, and answer the request if it is whole; in a thread."""
        received = conn.received
        try:
            if not received.is_complete():
                data = conn.sock.recv(RECEIVE_BYTES)
                if not data:
                    return False
                received.feed(data)
                if not received.is_complete():
                    if received.is_waiting_for_continue():
                        conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                    return INCOMPLETE
        except BlockingIOError:
            return INCOMPLETE
        except OSError:
            return False
        except HeadTooLong:
            with contextlib.suppress(OSError):
                write_error(conn.sock, 431, "Request Header Fields Too Large", "")
            return False
        conn.parser.unreader.unread(received.take())
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer a request, in a thread; a client that does not read the response in time is given up."""
        conn.sock.settimeout(SEND_TIMEOUT_SECONDS)
        if conn.received.is_last:
            req.force_close()
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            self.log.info("A client did not read its response within %.0f s.", SEND_TIMEOUT_SECONDS)
            raise StopIteration from None  # how gunicorn says that a connection is over

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Keep the connection for the rest of a request or for another one, or close it; in the main loop."""
        result = not fs.cancelled() and fs.exception() is None and fs.result()
        conn.sock.setblocking(False)
        if result is INCOMPLETE:
            self._wait_for_rest(conn)
        elif not result or conn.received.is_last:
            self._close(conn)
        elif len(conn.received):
            conn.deadline = 0.0
            self.enqueue_req(conn)
        else:
            conn.set_timeout()
            if not self.alive:
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
            self.keepalived_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))
        if conn.counted_bytes != len(conn.received):
            self._count_bytes(conn)

    def _wait_for_rest(self, connection: Connection) -> None:
        if connection.received.has_head:
            seconds = BODY_TIMEOUT_SECONDS
        else:  # what is left of the time for the head, which starts with the request
            seconds = connection.deadline - time.monotonic() if connection.deadline else HEAD_TIMEOUT_SECONDS
        self._wait(connection, seconds)

    def _count_bytes(self, connection: Connection) -> None:
        """Sum what is buffered, and close the connection with most in it when that is too much."""
        self._buffered_bytes += len(connection.received) - connection.counted_bytes
        connection.counted_bytes = len(connection.received)
        if self._buffered_bytes > MAX_BUFFERED_BYTES and self._waiting:
            self._drop(max(self._waiting, key=lambda waiting: waiting.counted_bytes))

    def _drop(self, connection: Connection) -> None:
        """Close a connection that waits or is kept, at once."""
        if connection.is_closed:
            return
        connection.is_closed = True
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(connection.sock)
        self._waiting.pop(connection, None)
        self._buffered_bytes -= connection.counted_bytes
        self.nr_conns -= 1
        connection.close()

    def _close(self, connection: Connection) -> None:
        """Close in a way that the client can read all of the response (RFC 9112, 9.6)."""
        connection.is_closing = True
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            self._wait(connection, LINGER_TIMEOUT_SECONDS)
        except OSError:
            self._drop(connection)

    def murder_pending(self) -> None:
        """Close the connections whose time is over; gunicorn calls it in each round of its loop."""
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + 0.5
        for connection in [waiting for waiting in self._waiting if waiting.deadline < now]:
            self._drop(connection)

    def _cap_keepalive(self, deadline: float) -> None:
        """Bound the time of all that wait when the worker stops."""
        super()._cap_keepalive(deadline)
        for connection in self._waiting:
            connection.deadline = min(connection.deadline, deadline)


class LeastConnectionsWorker(BufferingWorker):
    """Delay accept in proportion to open connections, so that the process with the fewest takes the next one.

    A new connection wakes all processes, and the first one awake takes it. A proxy's keep-alive connections at times
    ended up in one process, with the other idle: 930 signatures/s instead of 1,160 to 1,230 with two processes and 16
    connections (docs/performance/README.md, "Web processes"). gunicorn's own gthread has no such option.
    """

    def accept(self, listener: Any) -> None:
        """Accept a connection, unless another process took it during the delay."""
        time.sleep(min(self.nr_conns * DELAY_PER_CONNECTION_SECONDS, MAX_DELAY_SECONDS))
        super().accept(listener)
