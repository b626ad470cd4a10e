"""Collect the bytes of one HTTP/1.1 connection until a whole request is there (RFC 9112, 6.3).

Only the length of a request is decided here; gunicorn parses and checks it. What it would refuse, or what is longer
than any view takes, is given to it at once as `is_last`: nothing after it on the connection can be trusted.
"""

import re

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 4 * 1024 * 1024  # above the maximum of any view, which answers 413
HEAD_END = b"\r\n\r\n"
# In a head in lower case; gunicorn refuses spaces before the colon and folded lines, so that there are no others. The
# spaces around the value are not in the pattern: it would try each way to divide them, in cubic time.
LENGTH_PATTERN = re.compile(rb"^(content-length|transfer-encoding):([^\r\n]*)\r$", re.MULTILINE)
EXPECT_PATTERN = re.compile(rb"^expect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE | re.MULTILINE)
CHUNK_SIZE_PATTERN = re.compile(rb"[0-9a-f]{1,8}(?=[ \t;]|\Z)", re.IGNORECASE)
MAX_CHUNK_LINE_BYTES = 8 * 1024


class HeadTooLong(Exception):
    """A request whose head does not end within `MAX_HEAD_BYTES`."""


class RequestBuffer:
    """Bytes received and not yet taken. `is_last`: no request may follow the one that `take` returned."""

    def __init__(self) -> None:
        self.is_last = False
        self._data = bytearray()
        self._clear_request()

    def _clear_request(self) -> None:
        self._searched = 0  # bytes without an end of the head
        self._body_start: int | None = None
        self._end: int | None = None  # of the request, where its length is known
        self._chunk = 0  # where the next line of a chunk's size starts

    def __len__(self) -> int:
        return len(self._data)

    @property
    def has_head(self) -> bool:
        """Whether the whole head of the next request is there."""
        return self._body_start is not None

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._data += data

    def is_complete(self) -> bool:
        """Return whether `take` can be called. Raises `HeadTooLong`."""
        if self._body_start is None and not self._find_body():
            return False
        if self._end is None:
            self._find_last_chunk()
        return self._end is not None and len(self._data) >= self._end

    def take(self) -> bytes:
        """Return the request that is complete; what was received after it stays, unless `is_last`."""
        end = len(self._data) if self.is_last else self._end
        request = bytes(self._data[:end])
        del self._data[:end]
        self._clear_request()
        return request

    def is_waiting_for_continue(self) -> bool:
        """Return whether the client sends its body only after `100 Continue`; once, as gunicorn need not say it too."""
        if self._body_start is None:
            return False
        match = EXPECT_PATTERN.search(self._data, 0, self._body_start)
        if match is None:
            return False
        removed = match.end() - match.start()
        del self._data[match.start() : match.end()]
        self._body_start -= removed
        self._chunk -= removed
        self._end = None if self._end is None else self._end - removed
        return True

    def _give_up(self) -> bool:
        """Pass everything on as it is."""
        self.is_last, self._end = True, 0
        return True

    def _find_body(self) -> bool:
        """Look for the end of the head, and there for the length of the body."""
        if self._data[:2] == b"\r\n":  # one empty line may come before a request (RFC 9112, 2.2)
            del self._data[:2]
        end = self._data.find(HEAD_END, max(0, self._searched - len(HEAD_END) + 1))
        if end < 0:
            self._searched = len(self._data)
            if self._searched > MAX_HEAD_BYTES:
                raise HeadTooLong
            return False
        self._body_start = self._chunk = end + len(HEAD_END)
        head = bytes(self._data[: self._body_start]).lower()
        has_length = b"content-length" in head or b"transfer-encoding" in head
        found = LENGTH_PATTERN.findall(head) if has_length else []
        lengths = [(name, value.strip(b" \t")) for name, value in found]
        if not lengths:
            self._end = self._body_start
        elif len(lengths) > 1:
            return self._give_up()
        elif lengths[0][0] == b"content-length":
            if not re.fullmatch(rb"\d{1,15}", lengths[0][1]) or int(lengths[0][1]) > MAX_BODY_BYTES:
                return self._give_up()
            self._end = self._body_start + int(lengths[0][1])
        elif lengths[0][1] != b"chunked":
            return self._give_up()
        return True

    def _find_last_chunk(self) -> None:
        """Go from chunk to chunk (RFC 9112, 7.1), as far as they have come, and find the end of the trailers."""
        body_start = self._body_start or 0
        while self._chunk <= len(self._data):
            if self._chunk - body_start > MAX_BODY_BYTES:
                self._give_up()
                return
            line_end = self._data.find(b"\r\n", self._chunk)
            if line_end < 0:
                if len(self._data) - self._chunk > MAX_CHUNK_LINE_BYTES:
                    self._give_up()
                return
            size = CHUNK_SIZE_PATTERN.match(bytes(self._data[self._chunk : line_end]))
            if size is None:
                self._give_up()
                return
            length = int(size[0], 16)
            if length == 0:
                end = self._data.find(HEAD_END, line_end)
                if end >= 0:
                    self._end = end + len(HEAD_END)
                elif len(self._data) - line_end > MAX_HEAD_BYTES:
                    self._give_up()
                return
            after = line_end + 2 + length
            if len(self._data) >= after + 2 and self._data[after : after + 2] != b"\r\n":
                self._give_up()
                return
            self._chunk = after + 2
