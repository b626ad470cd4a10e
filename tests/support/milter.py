"""A mail server's side of the milter protocol: hands one message to a filter, and returns it with what that added."""

import re
import socket
import struct

VERSION, ALL_ACTIONS, ALL_STEPS = 6, 0x1FF, 0x1FFFFF
ACCEPT, CONTINUE, ADD, INSERT = b"a", b"c", b"h", b"i"
ANSWERED = b"CHMRTLNBE"  # commands that a filter answers, unless it said that it will not
NO_REPLY = {b"L": 0x80, b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"N": 0x40000, b"B": 0x80000}


class Milter:
    """One connection to a filter that listens on loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._silent = 0
        self._send(b"O", struct.pack("!III", VERSION, ALL_ACTIONS, ALL_STEPS))
        name, data = self._read()
        assert name == b"O"
        self._silent = struct.unpack("!III", data[:12])[2]

    def pass_message(self, raw: bytes, sender: str, recipient: str) -> bytes:
        """Pass a message as from this host, and return it with the headers that the filter adds on top."""
        head, _, body = raw.partition(b"\r\n\r\n")
        self._command(b"C", b"localhost\0" + b"4" + struct.pack("!H", 4242) + b"127.0.0.1\0")
        self._command(b"H", b"localhost\0")
        self._command(b"M", f"<{sender}>\0".encode())
        self._command(b"R", f"<{recipient}>\0".encode())
        for line in re.split(rb"\r\n(?![ \t])", head):
            name, _, value = line.partition(b":")
            # Postfix hands values over without the first space, and folded lines with LF.
            self._command(b"L", name + b"\0" + value.removeprefix(b" ").replace(b"\r\n", b"\n") + b"\0")
        self._command(b"N")
        for start in range(0, len(body), 65_000):
            self._command(b"B", body[start : start + 65_000])
        self._send(b"E", b"")
        added = []
        while True:
            answer, data = self._read()
            if answer in (ADD, INSERT):
                name, value = data[4 if answer == INSERT else 0 :].split(b"\0")[:2]
                added.append(name + b": " + value.lstrip().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n")
            elif answer in (ACCEPT, CONTINUE):
                self._socket.close()
                return b"".join(added) + raw

    def _command(self, name: bytes, data: bytes = b"") -> None:
        self._send(name, data)
        if name in ANSWERED and not self._silent & NO_REPLY.get(name, 0):
            answer, _data = self._read()
            assert answer in (ACCEPT, CONTINUE), (name, answer)

    def _send(self, name: bytes, data: bytes) -> None:
        self._socket.sendall(struct.pack("!I", len(data) + 1) + name + data)

    def _read(self) -> tuple[bytes, bytes]:
        (length,) = struct.unpack("!I", self._receive(4))
        data = self._receive(length)
        return data[:1], data[1:]

    def _receive(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            chunk = self._socket.recv(n - len(data))
            assert chunk, "the filter ended the connection"
            data += chunk
        return data
