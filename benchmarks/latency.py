"""How long a confirmation takes while a mailing runs, against the same system with nothing else to do.

Somebody signs five times a second through the JSON API: first idle, then under the mailing, then idle again. The figure
is the p95 from the row to the mail server's 250, by the database's own clock.
"""

import itertools
import os
import time

from harness import FULL, SLUG, shown, system, wait_for
from mailing import make

from config import Config
from petition import create_app
from petition.core import clock
from petition.core.db import db
from petition.mailings.freeze import freeze
from petition.mailings.models import Mailing

RECIPIENTS = 150_000 if FULL else 100_000
SIGNATURES = 150 if FULL else 100
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
    began, start = it.ask("SELECT clock_timestamp()"), time.monotonic()
    for place in range(n):
        time.sleep(max(0.0, start + place / PER_SECOND - time.monotonic()))
        number = next(numbers)
        body = {"name": "Zoé Martin", "email": f"b{number}@bench.example", "locale": "fr"}
        answer = it.site.ask("POST", f"/api/v1/petitions/{SLUG}/signatures", body=body, network=number)
        assert answer.status == 202
    bounds = (began, it.ask("SELECT clock_timestamp()"))
    wait_for(lambda: len(set(it.database.execute(WAITS, bounds).fetchone()[1:])) == 1, 60, "the last confirmation")
    return dict(zip(("p50", "p95", "p99"), it.database.execute(WAITS, bounds).fetchone()[0], strict=True))


def measure() -> dict:
    """Return the waits idle, under the mailing, and idle again."""
    with system() as it:
        it.people(RECIPIENTS, "confirmed", "r")
        it.web()
        it.workers()
        it.beat()
        sign(it, 25)  # warm
        idle = sign(it, SIGNATURES)
        app = create_app(Config({**os.environ, **it.environ}))
        number = make(app)
        with app.app_context():
            freeze(db.session.get(Mailing, number), clock.now())
            db.session.commit()
        wait_for(lambda: it.ask(SENT) > 200, 120, "the mailing's beginning")
        before, began = it.ask(SENT), time.monotonic()
        busy = sign(it, SIGNATURES)
        after, took = it.ask(SENT), time.monotonic() - began
        assert after < RECIPIENTS, "the mailing ended before the measurement: give it more recipients"
        it.database.execute("UPDATE mailings SET state = 'paused'")
        time.sleep(5)  # the claims in hand
        again = sign(it, SIGNATURES)
    return {
        "latency": {
            "before": idle["p95"], "after": busy["p95"], "ratio": busy["p95"] / idle["p95"], "idle": idle, "busy": busy,
            "idle again": again, "emails per second": (after - before) / took,
        }
    }  # fmt: skip


if __name__ == "__main__":
    shown(measure())
