"""An HTTP client for the running site: one keep-alive connection per thread, retries on 429 and network errors."""

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

MAX_ATTEMPTS = 6
MAX_RETRY_DELAY_SECONDS = 30.0
FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Unreachable(Exception):
    """The site did not answer after `MAX_ATTEMPTS`; the message says which request and why."""


@dataclass(frozen=True)
class SiteResponse:
    """A response; `started` is when its request began (`time.monotonic`, seconds), `answered_at` its `time.time`."""

    status: int
    location: str
    text: str
    started: float
    answered_at: float

    def json(self) -> Any:
        """Return the body as JSON. Raises `ValueError` when it is not JSON."""
        return json.loads(self.text)


class SiteClient:
    """A client of the running stack, over HTTP only."""

    def __init__(self, base_url: str) -> None:
        """Store the address, such as `http://127.0.0.1:8000`; opens no connection yet."""
        self._url = urlsplit(base_url)
        self._thread_local = threading.local()

    def get(self, path: str, network: str = "198.18.0.1") -> SiteResponse:
        """Get a page as a client of `network`, without following redirects. Raises `Unreachable`."""
        return self._request("GET", path, None, {}, network)

    def post_form(self, path: str, fields: dict[str, str], network: str) -> SiteResponse:
        """Send a form as a browser does, without following redirects. Raises `Unreachable`."""
        return self._request("POST", path, urlencode(fields), FORM_HEADERS, network)

    def post_json(self, path: str, fields: dict[str, Any], network: str) -> SiteResponse:
        """Send JSON. Raises `Unreachable`."""
        return self._request("POST", path, json.dumps(fields), JSON_HEADERS, network)

    def _request(self, method: str, path: str, body: str | None, headers: dict[str, str], network: str) -> SiteResponse:
        last_error: object = None
        for attempt in range(MAX_ATTEMPTS):
            try:
                answer, delay = self._send_request(method, path, body, {**headers, "X-Forwarded-For": network})
            except (OSError, http.client.HTTPException) as error:
                # Most often a keep-alive connection that the server closed. Every request here is idempotent.
                self._close_connection()
                last_error, delay = error, 0.1 * attempt
            else:
                if answer.status != 429:
                    return answer
                last_error = "429"
            time.sleep(min(delay, MAX_RETRY_DELAY_SECONDS))
        raise Unreachable(f"{method} {path.split('?')[0][:40]}: {last_error!r} after {MAX_ATTEMPTS} attempts")

    def _send_request(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[SiteResponse, float]:
        connection = self._connection()
        started = time.monotonic()
        connection.request(method, path, body.encode() if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        answer = SiteResponse(response.status, response.getheader("Location") or "", text, started, time.time())
        delay = response.getheader("Retry-After") or "1"
        return answer, float(delay) if delay.isdigit() else 1.0

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
