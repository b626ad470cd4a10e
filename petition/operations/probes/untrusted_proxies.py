"""Notice that visitors come through a proxy which `PROXY_COUNT=0` does not count: all of them then seem to be one.

Each web process looks at its own requests. A visitor can send X-Forwarded-For as well, so that only its presence on
nearly all requests of a time means a proxy. Nothing that the headers say is kept.
"""

import threading
import time
from datetime import timedelta

import structlog
from flask import current_app
from sqlalchemy import func, select
from werkzeug.datastructures import Headers

from petition.core.db import db
from petition.operations.models import Probe
from petition.operations.probes.results import record_probe

PROXIES = "proxies"  # the name of its row in `probes`
FORWARDED_HEADERS = ("X-Forwarded-For", "Forwarded")
MIN_REQUESTS = 20
MIN_SHARE = 0.95  # of the requests of a window
WINDOW_SECONDS = 600.0
CURRENT_FOR = timedelta(hours=1)  # how long a notice is shown after the last such window

log = structlog.get_logger("petition.web")


class ProxyWatch:
    """What this process saw in the present window; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forwarded = self._all = 0
        self._ends_at = 0.0
        self._logged = False
        self._noticed = False

    def add(self, headers: Headers) -> None:
        """Look at the headers of one request."""
        with self._lock:
            if time.monotonic() > self._ends_at:
                self._forwarded = self._all = 0
                self._noticed, self._ends_at = False, time.monotonic() + WINDOW_SECONDS
            self._all += 1
            self._forwarded += any(name in headers for name in FORWARDED_HEADERS)

    def flush(self) -> None:
        """Log it, once a process, and record it, once a window. Commits."""
        with self._lock:
            behind_proxy = self._all >= MIN_REQUESTS and self._forwarded >= MIN_SHARE * self._all
            if not behind_proxy or self._noticed:
                return
            self._noticed = True
        if not self._logged:
            self._logged = True
            log.warning(
                "requests come through a proxy that PROXY_COUNT=0 does not count: limits treat all visitors as one"
            )
        record_probe(PROXIES, False, "PROXY_COUNT=0", 0)
        db.session.commit()


def is_current(probe: Probe | None) -> bool:
    """Return whether such requests came lately. `probe`: the row of `PROXIES`."""
    if probe is None or current_app.config["PROXY_COUNT"]:
        return False
    now = db.session.scalar(select(func.now()))
    return now is not None and probe.at > now - CURRENT_FOR
