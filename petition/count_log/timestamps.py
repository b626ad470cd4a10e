"""Timestamps of checkpoints (RFC 3161): a service that the operator names attests that they existed at a time.

The reply is kept as it came. Who wants to be sure verifies it with the service's certificate (docs/integrity.md); here
it is only seen that the service granted it, and for this checkpoint.
"""

import hashlib
import http.client
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from flask import current_app

from petition.core import clock
from petition.core.db import db
from petition.count_log.queries import SAVE_TIMESTAMP, SELECT_NOT_TIMESTAMPED

INTERVAL = timedelta(hours=1)  # between two timestamps of a log
BATCH_SIZE = 20  # logs of one run
TIMEOUT_SECONDS = 10
MAX_REPLY_BYTES = 64 * 1024
REQUEST_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
SEQUENCE, OCTET_STRING = 0x30, 0x04
SHA256_ALGORITHM = bytes.fromhex("300d06096086480165030402010500")  # its identifier, without parameters
VERSION_1, CERTIFICATE_WANTED = bytes.fromhex("020101"), bytes.fromhex("0101ff")
GRANTED = (0, 1)  # PKIStatus: granted, with or without modifications

log = structlog.get_logger(__name__)


class BadReply(Exception):
    """The service did not answer as RFC 3161 has it, or refused."""


def timestamp_checkpoints() -> None:
    """Have checkpoints timestamped that changed since they last were, each log once in `INTERVAL`. Commits."""
    url = current_app.config["PETITION_TIMESTAMP_URL"]
    if not url:
        return
    before = clock.now() - INTERVAL
    due = db.session.execute(SELECT_NOT_TIMESTAMPED, {"before": before, "batch_size": BATCH_SIZE}).all()
    db.session.commit()  # no transaction stays open while the service is asked
    for petition_id, note in due:
        try:
            reply = _ask(url, note.encode())
        except (BadReply, OSError, http.client.HTTPException) as error:
            log.warning("checkpoint not timestamped", petition=petition_id, error=str(error) or type(error).__name__)
            return
        values = {"petition_id": petition_id, "note": note, "reply": reply, "now": clock.now()}
        db.session.execute(SAVE_TIMESTAMP, values)
        db.session.commit()


def make_request(data: bytes) -> bytes:
    """Return the request for a timestamp of some data: its SHA-256, and that the certificate be in the reply (DER)."""
    imprint = _encode(SEQUENCE, SHA256_ALGORITHM + _encode(OCTET_STRING, hashlib.sha256(data).digest()))
    return _encode(SEQUENCE, VERSION_1 + imprint + CERTIFICATE_WANTED)


def require_granted(reply: bytes, data: bytes) -> None:
    """Raise `BadReply` unless a reply grants a timestamp of some data."""
    try:
        status = _content(_content(reply))
        code = _content(status)
    except IndexError:
        raise BadReply("not a reply of a timestamping service") from None
    if len(code) != 1 or code[0] not in GRANTED:
        raise BadReply("the timestamping service refused")
    if _encode(OCTET_STRING, hashlib.sha256(data).digest()) not in reply:
        raise BadReply("the timestamp is of something else")


def _ask(url: str, data: bytes) -> bytes:
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, make_request(data), {"Content-Type": REQUEST_TYPE, "User-Agent": "petition"})
        response = connection.getresponse()
        reply = response.read(MAX_REPLY_BYTES + 1)
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK or len(reply) > MAX_REPLY_BYTES:
        raise BadReply(f"the timestamping service answered {response.status}")
    require_granted(reply, data)
    return reply


def _encode(tag: int, content: bytes) -> bytes:
    """Return an element of DER with up to 127 bytes."""
    return bytes([tag, len(content)]) + content


def _content(data: bytes) -> bytes:
    """Return what is in the first element of some DER. Raises `IndexError` where that is cut off."""
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start])
    if len(data) < start + size:
        raise IndexError
    return data[start : start + size]
