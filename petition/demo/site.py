"""A visitor of the running site: one kept-alive connection per thread, patient with 429 and bad networks."""

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

TRIES = 6
LONGEST_PAUSE = 30.0  # seconds
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class Unreachable(Exception):
    """The site did not answer in as many tries as we make; the text says which request and why."""


@dataclass(frozen=True)
class Answer:
    """What the site answered; `started` is when that request began (`time.monotonic`, seconds)."""

    status: int
    location: str
    text: str
    started: float

    def json(self) -> Any:
        """Return the body as JSON. Raises `ValueError` when it is something else."""
        return json.loads(self.text)


class Site:
    """The running stack, seen over HTTP only."""

    def __init__(self, base_url: str) -> None:
        """Remember the address, such as `http://127.0.0.1:8000`; nothing is opened yet."""
        self._url = urlsplit(base_url)
        self._kept = threading.local()

    def get(self, path: str, network: str = "198.18.0.1") -> Answer:
        """Get a page as someone in `network`, following nothing. Raises `Unreachable`."""
        return self._ask("GET", path, None, {}, network)

    def post_form(self, path: str, fields: dict[str, str], network: str) -> Answer:
        """Send a form as a browser does, following nothing. Raises `Unreachable`."""
        return self._ask("POST", path, urlencode(fields), FORM, network)

    def post_json(self, path: str, fields: dict[str, Any], network: str) -> Answer:
        """Send JSON. Raises `Unreachable`."""
        return self._ask("POST", path, json.dumps(fields), JSON, network)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str], network: str) -> Answer:
        trouble: object = None
        for attempt in range(TRIES):
            try:
                answer, pause = self._once(method, path, body, {**headers, "X-Forwarded-For": network})
            except (OSError, http.client.HTTPException) as error:
                # Most often a kept connection that the server closed meanwhile. Every request here may be
                # repeated: signing and confirming twice are the same as once.
                self._drop()
                trouble, pause = error, 0.1 * attempt
            else:
                if answer.status != 429:
                    return answer
                trouble = "429"
            time.sleep(min(pause, LONGEST_PAUSE))
        raise Unreachable(f"{method} {path.split('?')[0][:40]}: {trouble!r} after {TRIES} tries")

    def _once(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[Answer, float]:
        connection = self._connection()
        started = time.monotonic()
        connection.request(method, path, body.encode() if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        answer = Answer(response.status, response.getheader("Location") or "", text, started)
        pause = response.getheader("Retry-After") or "1"
        return answer, float(pause) if pause.isdigit() else 1.0

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._kept, "connection", None) is None:
            secure = self._url.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            self._kept.connection = kind(self._url.hostname or "127.0.0.1", self._url.port, timeout=30)
        connection: http.client.HTTPConnection = self._kept.connection
        return connection

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self._connection().close()
        self._kept.connection = None
