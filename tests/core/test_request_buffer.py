"""Where a request ends, however its bytes come, and what is passed on as it is."""

import pytest
from support.processor_time import at_most

from petition.core.request_buffer import MAX_BODY_BYTES, MAX_HEAD_BYTES, HeadTooLong, RequestBuffer

WHOLE = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-LENGTH:  5 \r\n\r\nab\r\n\r",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\r\n\r\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: a\r\nY: b\r\n\r\n",
]
# gunicorn refuses these, or answers them without the body.
LAST = [
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nffffffffff\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 9000,
]


@pytest.mark.parametrize("request_bytes", WHOLE)
def test_request_is_complete_with_its_last_byte(request_bytes):
    buffer = RequestBuffer()
    for byte in request_bytes[:-1]:
        buffer.feed(bytes([byte]))
        assert not buffer.is_complete()
    buffer.feed(request_bytes[-1:])
    assert buffer.is_complete()
    assert (buffer.take(), buffer.is_last, len(buffer)) == (request_bytes, False, 0)


def test_pipelined_requests_are_taken_one_by_one():
    buffer = RequestBuffer()
    buffer.feed(b"".join(WHOLE) + b"GET /half")
    for request_bytes in WHOLE:
        assert buffer.is_complete()
        assert buffer.take() == request_bytes
    assert not buffer.is_complete()
    assert not buffer.is_last


@pytest.mark.parametrize("request_bytes", LAST)
def test_what_gunicorn_refuses_is_passed_on_as_the_last(request_bytes):
    buffer = RequestBuffer()
    buffer.feed(request_bytes)
    assert buffer.is_complete()
    assert (buffer.take(), buffer.is_last) == (request_bytes, True)


def test_long_chunked_body_is_passed_on_as_the_last():
    buffer = RequestBuffer()
    buffer.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(MAX_BODY_BYTES // 100_000 + 1):
        assert not buffer.is_complete()
        buffer.feed(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
    assert buffer.is_complete()
    assert len(buffer.take()) > MAX_BODY_BYTES
    assert buffer.is_last


def test_endless_head_is_refused():
    buffer = RequestBuffer()
    buffer.feed(b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD_BYTES)
    with pytest.raises(HeadTooLong):
        buffer.is_complete()


def test_expectation_of_a_body_is_answered_once_and_removed():
    buffer = RequestBuffer()
    buffer.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert not buffer.is_complete()
    assert buffer.is_waiting_for_continue()
    assert not buffer.is_waiting_for_continue()
    buffer.feed(b"ab")
    assert buffer.is_complete()
    assert buffer.take() == b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"


def test_empty_line_before_a_request_is_skipped():
    buffer = RequestBuffer()
    for byte in b"\r\nGET / HTTP/1.1\r\n\r\n":
        buffer.feed(bytes([byte]))
        done = buffer.is_complete()
    assert done
    assert buffer.take() == b"GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("spaces", [b" ", b"\t", b" \t"])
def test_spaces_around_a_length_take_no_time(spaces):
    """They took the cube of their number: one request stopped a web process for good."""
    buffer = RequestBuffer()
    buffer.feed(b"POST / HTTP/1.1\r\nContent-Length:" + spaces * (30_000 // len(spaces)) + b"5\nA: b\r\n\r\n")
    with at_most(2):
        assert buffer.is_complete()
