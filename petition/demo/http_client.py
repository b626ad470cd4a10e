"""A visitor of the running site: one kept-alive connection per thread, patient with 429 and bad networks."""

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

MAX_ATTEMPTS = 6
MAX_RETRY_DELAY_SECONDS = 30.0  # seconds
FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Unreachable(Exception):
    """The site did not answer in as many tries as we make; the text says which request and why."""


@dataclass(frozen=True)
class SiteResponse:
    """What the site answered; `started` is when that request began (`time.monotonic`, seconds)."""

    status: int
    location: str
    text: str
    started: float

    def json(self) -> Any:
        """Return the body as JSON. Raises `ValueError` when it is something else."""
        return json.loads(self.text)


class SiteClient:
    """The running stack, seen over HTTP only."""

    def __init__(self, base_url: str) -> None:
        """Remember the address, such as `http://127.0.0.1:8000`; nothing is opened yet."""
        self._url = urlsplit(base_url)
        self._thread_local = threading.local()

    def get(self, path: str, network: str = "198.18.0.1") -> SiteResponse:
        """Get a page as someone in `network`, following nothing. Raises `Unreachable`."""
        return self._request("GET", path, None, {}, network)

    def post_form(self, path: str, fields: dict[str, str], network: str) -> SiteResponse:
        """Send a form as a browser does, following nothing. Raises `Unreachable`."""
        return self._request("POST", path, urlencode(fields), FORM_HEADERS, network)

    def post_json(self, path: str, fields: dict[str, Any], network: str) -> SiteResponse:
        """Send JSON. Raises `Unreachable`."""
        return self._request("POST", path, json.dumps(fields), JSON_HEADERS, network)

    def _request(self, method: str, path: str, body: str | None, headers: dict[str, str], network: str) -> SiteResponse:
        trouble: object = None
        for attempt in range(MAX_ATTEMPTS):
            try:
                answer, pause = self._send_request(method, path, body, {**headers, "X-Forwarded-For": network})
            except (OSError, http.client.HTTPException) as error:
                # Most often a kept connection that the server closed meanwhile. Every request here may be
                # repeated: signing and confirming twice are the same as once.
                self._close_connection()
                trouble, pause = error, 0.1 * attempt
            else:
                if answer.status != 429:
                    return answer
                trouble = "429"
            time.sleep(min(pause, MAX_RETRY_DELAY_SECONDS))
        raise Unreachable(f"{method} {path.split('?')[0][:40]}: {trouble!r} after {MAX_ATTEMPTS} tries")

    def _send_request(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[SiteResponse, float]:
        connection = self._connection()
        started = time.monotonic()
        connection.request(method, path, body.encode() if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        answer = SiteResponse(response.status, response.getheader("Location") or "", text, started)
        pause = response.getheader("Retry-After") or "1"
        return answer, float(pause) if pause.isdigit() else 1.0

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._thread_local, "connection", None) is None:
            secure = self._url.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            self._thread_local.connection = kind(self._url.hostname or "127.0.0.1", self._url.port, timeout=30)
        connection: http.client.HTTPConnection = self._thread_local.connection
        return connection

    def _close_connection(self) -> None:
        with contextlib.suppress(OSError):
            self._connection().close()
        self._thread_local.connection = None
