"""Outages of the kinds that mail servers have, under load: reported in ten seconds, and never green meanwhile."""

import json
import threading
import time

import pytest
from support.factories import make_petition
from support.waiting import wait_for

from petition.core.db import db
from petition.operations.health.evaluation import evaluate_health
from petition.operations.statistics import broker_stats
from petition.operations.statistics.snapshot import read_facts

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("faults")]
SIGNATURES_PER_SECOND = 8
STUCK_AFTER_SECONDS = 20
REPORTED_WITHIN_SECONDS = 15
OUTAGE_SECONDS = 40
RECOVERED_WITHIN_SECONDS = 120  # what was put off waits for its back-off
DOMAINS = 6


def answer_of(kind, address):
    """Return what the mail server answers to RCPT in an outage of this kind."""
    if kind == "five of six domains":
        return None if address.endswith("@d0.example") else "451 4.3.0 try again later"
    return {"put off": "451 4.3.0 try again later", "closed": "hang up"}[kind]


class Signers:
    """People who sign at a steady rate, from many networks and at several domains, until the end."""

    def __init__(self, site):
        self._site, self._ended, self.n = site, threading.Event(), 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        while not self._ended.wait(1 / SIGNATURES_PER_SECOND):
            self.n += 1
            body = {"name": "Inès Caron", "email": f"s{self.n}@d{self.n % DOMAINS}.example"}
            network = {"X-Forwarded-For": f"10.{self.n // 250}.{self.n % 250}.1"}
            assert self._site.request("POST", "/api/v1/petitions/jardin/signatures", body=body, **network).status == 202


@pytest.fixture
def system(app_processes, app, monkeypatch):
    make_petition()
    monkeypatch.setitem(app.config, "PETITION_STUCK_AFTER", STUCK_AFTER_SECONDS)
    app_processes.environ |= {"PETITION_STUCK_AFTER": str(STUCK_AFTER_SECONDS)}
    app_processes.web()
    app_processes.worker()
    app_processes.beat()
    return app_processes


def read_health(system):
    db.session.rollback()
    return evaluate_health(read_facts(), broker_stats.read_broker_stats(system.environ["REDIS_URL"]))


@pytest.mark.parametrize("kind", ["put off", "closed", "five of six domains"])
def test_outage_is_reported_soon_and_does_not_flap(system, mail_server, kind):
    with Signers(system.site):
        wait_for(lambda: len(mail_server.addresses) > 20 and read_health(system).status == "ok", 30, "mail that flows")
        mail_server.on_rcpt = lambda address: answer_of(kind, address)
        began, statuses = time.monotonic(), []
        while time.monotonic() < began + OUTAGE_SECONDS:
            statuses.append((time.monotonic() - began, read_health(system).status))
            time.sleep(0.5)
        checked = system.petition("queue", "check")
        mail_server.on_rcpt = lambda address: None
        ended = time.monotonic()
    reported = next(seconds for seconds, status in statuses if status != "ok")
    stuck = next((seconds for seconds, status in statuses if status == "stuck"), None)
    assert reported < REPORTED_WITHIN_SECONDS
    assert [status for seconds, status in statuses if seconds > reported and status == "ok"] == [], "never green again"
    assert stuck is not None
    assert stuck < STUCK_AFTER_SECONDS + REPORTED_WITHIN_SECONDS
    assert (checked.returncode, checked.stdout.split()[1]) == (2, "CRITICAL")
    wait_for(lambda: read_health(system).status == "ok", RECOVERED_WITHIN_SECONDS, "the recovery")
    print(json.dumps({"outage": kind, "reported": reported, "stuck": stuck, "recovered": time.monotonic() - ended}))
