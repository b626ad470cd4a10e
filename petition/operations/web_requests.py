"""Count HTTP requests by URL rule, status and duration, for /metrics.

Each web process counts in memory and adds its counts to PostgreSQL every few seconds, from a thread of its own: the
totals are those of all processes on all hosts, whichever of them is asked, and a request waits for nothing. A process
that is killed loses the counts of its last seconds.
"""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import structlog
from flask import Flask, Response, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import Headers

from petition.core.db import autocommit_connection
from petition.core.logging import UNLOGGED_RULES
from petition.operations import process_queries
from petition.operations.probes.untrusted_proxies import ProxyWatch

FLUSH_INTERVAL_SECONDS = 5.0
BUCKET_BOUNDS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
EXTENSION = "petition.web_requests"


Key = tuple[str, str, int, int]  # method, rule, status, bucket
log = structlog.get_logger("petition.web")

# What monitors and probes ask for, directly and often: nothing tells how visitors come.
NO_VISITORS = {*UNLOGGED_RULES, "/metrics", "/ops/check"}


class RequestCounter:
    """The counts of this process that are not in the database yet; safe for threads."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._counts: dict[Key, list[float]] = {}
        self._pid: int | None = None
        self._proxies = ProxyWatch()

    def add(self, method: str, rule: str, status: int, seconds: float) -> None:
        """Count one request. The first one of a process starts the thread: not before a server has forked."""
        key = method, rule, status, bisect_left(BUCKET_BOUNDS_SECONDS, seconds)
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._flush_forever, name="request-counter", daemon=True).start()
            entry = self._counts.setdefault(key, [0, 0.0])
            entry[0] += 1
            entry[1] += seconds

    def look_for_proxies(self, headers: Headers) -> None:
        """Look whether a request came through a proxy that is not counted."""
        self._proxies.add(headers)

    def flush(self) -> None:
        """Add the counts to the database, and keep them for the next time where it does not answer."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            _add_to_database(counts)
            self._proxies.flush()
        except SQLAlchemyError as error:
            log.warning("requests are not counted yet: the database does not answer", error=type(error).__name__)
            with self._lock:
                for key, (n, seconds) in counts.items():
                    entry = self._counts.setdefault(key, [0, 0.0])
                    entry[0] += n
                    entry[1] += seconds

    def _flush_forever(self) -> None:
        while True:
            time.sleep(FLUSH_INTERVAL_SECONDS)
            with self._app.app_context():
                self.flush()


def _add_to_database(counts: Mapping[Key, Sequence[float]]) -> None:
    columns = zip(*((*key, *entry) for key, entry in counts.items()), strict=True)
    names = ("method", "rule", "status", "bucket", "n", "seconds")
    with autocommit_connection() as connection:
        connection.execute(
            process_queries.ADD_REQUESTS, {name: list(column) for name, column in zip(names, columns, strict=True)}
        )


def count_requests(app: Flask) -> RequestCounter:
    """Count the requests of an application that serves HTTP; workers and commands do not call it."""
    counter = RequestCounter(app)
    app.extensions[EXTENSION] = counter
    proxies = app.config["PROXY_COUNT"]

    def count(response: Response) -> Response:
        rule = request.url_rule
        # The rule, never the path: a path may contain a signer's token. Methods of no route are anybody's invention.
        method, name = (request.method, rule.rule) if rule else ("-", "-")
        if not proxies and name not in NO_VISITORS:
            counter.look_for_proxies(request.headers)
        counter.add(method[:10], name[:200], response.status_code, time.perf_counter() - g.started)
        return response

    app.after_request(count)
    return counter
