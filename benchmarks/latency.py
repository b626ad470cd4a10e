"""How long a confirmation takes while a mailing runs, against the same system with nothing else to do.

Somebody signs five times a second through the JSON API: idle and under the mailing in turn, and idle once more. The
figure is the p95 from the row to the mail server's 250, by the database's own clock: of each phase, and of those the
middle.
"""

import itertools
import os
import statistics
import time

from harness import FULL, SLUG, print_json, system, wait_for
from mailing import make_mailing
from sqlalchemy import text

from config import Config
from petition.app import create_app
from petition.core import clock
from petition.core.db import db
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.models import Mailing

RECIPIENTS = 250_000 if FULL else 40_000
SIGNATURES = 150 if FULL else 40  # in each phase
ROUNDS = 2 if FULL else 1
PER_SECOND = 5
SENT = "SELECT count(*) FROM deliveries WHERE kind = 'mailing' AND state = 'sent'"
WAITS = """
    SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM settled_at - created_at)),
           count(*), count(*) FILTER (WHERE state = 'sent')
    FROM deliveries WHERE kind = 'confirm_signature' AND created_at BETWEEN %s AND %s
"""
numbers = itertools.count(1)


def sign(it, n: int) -> dict:
    """Sign at a steady pace and return the percentiles once all those emails have left."""
    began, start = it.fetch_value("SELECT clock_timestamp()"), time.monotonic()
    for place in range(n):
        time.sleep(max(0.0, start + place / PER_SECOND - time.monotonic()))
        number = next(numbers)
        body = {"name": "Zoé Martin", "email": f"b{number}@bench.example", "locale": "fr"}
        answer = it.site.request("POST", f"/api/v1/petitions/{SLUG}/signatures", body=body, network=number)
        assert answer.status == 202
    bounds = (began, it.fetch_value("SELECT clock_timestamp()"))
    wait_for(lambda: not it.fetch_value("SELECT count(*) FROM sign_requests"), 60, "the last signature")
    wait_for(lambda: len(set(it.database.execute(WAITS, bounds).fetchone()[1:])) == 1, 60, "the last confirmation")
    return dict(zip(("p50", "p95", "p99"), it.database.execute(WAITS, bounds).fetchone()[0], strict=True))


def medians(phases: list[dict]) -> dict:
    """Return the middle of each figure."""
    return {name: statistics.median(phase[name] for phase in phases) for name in phases[0]}


def prepare_paused_mailing(it) -> None:
    """Materialise a mailing to everybody, and pause it."""
    app = create_app(Config({**os.environ, **it.environ}))
    number = make_mailing(app)
    with app.app_context():
        materialise_audience(db.session.get(Mailing, number), clock.now())
        db.session.execute(text("UPDATE mailings SET state = 'paused'"))
        db.session.commit()


def under_mailing(it) -> dict:
    """Sign while the mailing goes on, and pause it again."""
    sent = it.fetch_value(SENT)
    it.database.execute("UPDATE mailings SET state = 'sending'")
    wait_for(lambda: it.fetch_value(SENT) > sent + 200, 120, "the mailing's beginning")
    before, began = it.fetch_value(SENT), time.monotonic()
    found = sign(it, SIGNATURES)
    after, took = it.fetch_value(SENT), time.monotonic() - began
    assert after < RECIPIENTS, "the mailing ended before the measurement: give it more recipients"
    it.database.execute("UPDATE mailings SET state = 'paused'")
    time.sleep(5)  # until the claimed emails are sent
    return {**found, "emails per second": (after - before) / took}


def measure() -> dict:
    """Return the waits idle and under the mailing."""
    with system() as it:
        it.insert_signatures(RECIPIENTS, "confirmed", "r")
        it.web()
        it.workers()
        it.beat()
        sign(it, 25)  # warm
        prepare_paused_mailing(it)
        idle, busy = [], []
        for _ in range(ROUNDS):
            idle.append(sign(it, SIGNATURES))
            busy.append(under_mailing(it))
        idle.append(sign(it, SIGNATURES))
    before, after = medians(idle), medians(busy)
    return {
        "latency": {
            "before": before["p95"], "after": after["p95"], "ratio": after["p95"] / before["p95"], "ours": after,
            "idle": idle, "busy": busy,
        }
    }  # fmt: skip


if __name__ == "__main__":
    print_json(measure())
