"""What is reported to an operator meanwhile: by `petition queue check`, by the page and by the metrics."""

import http.client
import re
import threading
import time

from support.factories import sign_in

from config import Config
from petition.app import create_app
from petition.operations.health import quick_check

INTERVAL_SECONDS = 0.5
ANSWER_TIMEOUT_SECONDS = 4
UNANSWERED = "no answer"  # an open page turns grey, and PetitionDown fires
STATUSES = {0: "ok", 1: "slow", 2: "stuck"}


def make_operator_cookie(environ):
    """Return the session cookie of a new operator of a running stack."""
    app = create_app(Config({name: value for name, value in environ.items() if name.isupper()}))
    with app.app_context():
        client = app.test_client()
        sign_in(client, "operator")
        return client.get_cookie("team").value


class Reporting:
    """Asks each place twice a second, and records what it says; `load`: who waits."""

    def __init__(self, stack, load):
        self.stack, self.load, self.samples = stack, load, []
        self._config = Config(stack.environ)
        self._over = threading.Event()
        self._accepted, self._accepted_at = 0, time.monotonic()
        places = {"check": self._ask_check, "page": self._ask_page, "metrics": self._ask_metrics}
        self._threads = [threading.Thread(target=self._watch, args=item, daemon=True) for item in places.items()]
        self.places = tuple(places)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def reported_after(self, began, place):
        """Return after how many seconds a place said that something is wrong; None if it has not."""
        reported = (
            at for at, where, status, _ in list(self.samples) if where == place and status != "ok" and at >= began
        )
        return next((at - began for at in reported), None)

    def well_after(self, ended, place):
        """Return after how many seconds a place said that all is well, and said so ever since; None if it has not."""
        found = None
        for at, where, status, _ in list(self.samples):
            if where == place and at >= ended:
                found = (found or at - ended) if status == "ok" else None
        return found

    def green_while_nobody_was_served(self, began, ended, limit):
        """Return the samples that said "ok" in a fault while nothing was accepted and somebody waited for `limit` s."""
        return [
            f"{where} was green while the first waited for {idle:.0f} s"
            for at, where, status, idle in self.samples
            if status == "ok" and idle > limit and began < at < ended
        ]

    def _watch(self, place, ask):
        while not self._over.wait(INTERVAL_SECONDS):
            idle, at = self._seconds_unserved(), time.monotonic()
            self.samples.append((at, place, ask(), idle))

    def _seconds_unserved(self):
        """Return for how long nothing was accepted while somebody has been waiting."""
        now, accepted = time.monotonic(), len(self.stack.mail_server.accepted)
        if accepted != self._accepted:
            self._accepted, self._accepted_at = accepted, now
        model = self.load.model
        with model.lock:
            waiting = [at for address, at in model.accepted.items() if address not in model.mails]
        return min(now - self._accepted_at, now - min(waiting)) if waiting else 0.0

    def _ask_check(self):
        config = self._config
        found = quick_check.check(
            config.DATABASE_URL, config.BROKER_URL, config.PETITION_SLOW_AFTER, config.PETITION_STUCK_AFTER
        )
        return STATUSES[found.code]

    def _ask_page(self):
        found = re.search(r'class="health (ok|slow|stuck)"', self._get("/ops/", Cookie=f"team={self.stack.operator}"))
        return found[1] if found else UNANSWERED

    def _ask_metrics(self):
        found = re.search(r"^petition_health_status (\d)", self._get("/metrics"), re.MULTILINE)
        return STATUSES[int(found[1])] if found else UNANSWERED

    def _get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=ANSWER_TIMEOUT_SECONDS)
        try:
            connection.request("GET", path, headers={"X-Forwarded-For": "198.18.0.7", **headers})
            answer = connection.getresponse()
            text = answer.read().decode()
            return text if answer.status == 200 else ""
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()
