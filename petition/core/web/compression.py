"""Compress public responses with gzip, each version of a page once.

Only what any cache may keep (`Cache-Control: public`) is compressed: a page with a secret in it and text that a visitor
chose would give the secret away by its length (BREACH). A cached page is the same object until it is rendered again,
so that what it compresses to is looked up by it.
"""

import gzip
from functools import lru_cache

from flask import Flask, Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

MIN_BYTES = 500
LEVEL = 6  # a page of 46 kB takes a millisecond, twice a second at most
COMPRESSIBLE_TYPES = ("text/", "application/json", "image/svg+xml", "application/javascript")


@lru_cache(maxsize=128)
def _compress(data: bytes) -> bytes:
    return gzip.compress(data, LEVEL, mtime=0)


@lru_cache(maxsize=256)
def _accepts_gzip(header: str) -> bool:
    return len(header) < 500 and parse_accept_header(header, Accept).quality("gzip") > 0


def _compress_response(response: Response) -> Response:
    if not response.headers.get("Cache-Control", "").startswith("public") or response.status_code == 304:
        return response
    if not (response.mimetype or "").startswith(COMPRESSIBLE_TYPES) or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 206 or not _accepts_gzip(request.environ.get("HTTP_ACCEPT_ENCODING", "")):
        return response
    response.direct_passthrough = False
    data = response.get_data()
    if len(data) >= MIN_BYTES:
        response.set_data(_compress(data))
        response.headers["Content-Encoding"] = "gzip"
        etag, _weak = response.get_etag()
        if etag:
            response.set_etag(f"{etag}-gzip")
    return response


def init_app(app: Flask) -> None:
    """Compress after every request; registered before what sets `Cache-Control`, as the last registered runs first."""
    app.after_request(_compress_response)
