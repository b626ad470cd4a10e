"""Whether the time of an answer tells if somebody signed: 500 requests for each state of an address, shuffled.

    .venv/bin/python benchmarks/sign_timing.py [requests for each state]

Over HTTP against a real stack whose workers run, one request after another on an open connection, by the form and by
JSON. For each state: the median, and the AUC against an address that is new, which is the chance that a request of the
state took longer than one of a new address (Mann-Whitney). 0.5 tells nothing, and each must be within `BOUNDS`.
"""

import http.client
import json
import os
import random
import statistics
import sys
import time
from urllib.parse import urlencode, urlsplit

from harness import SLUG, print_json, system

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.delivery.suppressions.suppression_list import suppress_many

REQUESTS = 500
BOUNDS = (0.45, 0.55)
STATES = ("new", "pending", "just mailed", "confirmed", "withdrawn", "disowned", "invalidated", "suppressed")
PREPARE_SQL = """
    UPDATE deliveries AS d
    SET created_at = d.created_at - interval '1 hour', settled_at = d.settled_at - interval '1 hour'
    FROM signatures AS s WHERE s.id = d.subject_id AND s.email LIKE %s
"""


def prefix(way: str, state: str) -> str:
    """Return what the addresses of a state begin with."""
    return f"{way}.{state.replace(' ', '.')}."


def prepare(it, way: str, n: int) -> None:
    """Make signatures in each state."""
    for state in STATES:
        addresses = prefix(way, state)
        if state in ("pending", "just mailed"):
            it.insert_signatures(n, "pending", addresses, link="sent")
        elif state in ("confirmed", "withdrawn", "disowned", "invalidated"):
            it.insert_signatures(n, state, addresses, link="sent")
        if state != "just mailed":
            it.database.execute(PREPARE_SQL, (f"{addresses}%",))
        if state == "disowned":
            it.database.execute("UPDATE signatures SET name = '', email = '' WHERE email LIKE %s", (f"{addresses}%",))
    app = create_app(Config({**os.environ, **it.environ}))
    with app.app_context():
        suppress_many([f"{prefix(way, 'suppressed')}{number}@bench.example" for number in range(1, n + 1)], "a test")
        db.session.commit()


def ask_all(url: str, way: str, n: int) -> dict[str, list[float]]:
    """Sign once with each address, in random order, and return the seconds of each request by state."""
    turns = [(state, number) for state in STATES for number in range(1, n + 1)]
    random.shuffle(turns)
    site = urlsplit(url)
    connection = http.client.HTTPConnection(site.hostname or "", site.port, timeout=30)
    seconds: dict[str, list[float]] = {state: [] for state in STATES}
    for turn, (state, number) in enumerate([*turns[:50], *turns]):
        address = f"{prefix(way, state)}{number}@bench.example" if turn >= 50 else f"{way}.warm.{turn}@bench.example"
        fields = {"name": "Zoé Martin", "email": address}
        path, status = (f"/p/{SLUG}/sign", 303) if way == "form" else (f"/api/v1/petitions/{SLUG}/signatures", 202)
        body = urlencode(fields) if way == "form" else json.dumps(fields)
        kind = "application/x-www-form-urlencoded" if way == "form" else "application/json"
        network = f"{11 + turn // 62500}.{turn // 250 % 250}.{turn % 250}.7"
        began = time.perf_counter()
        connection.request("POST", path, body.encode(), {"Content-Type": kind, "X-Forwarded-For": network})
        answer = connection.getresponse()
        answer.read()
        took = time.perf_counter() - began
        assert answer.status == status, answer.status
        if turn >= 50:
            seconds[state].append(took)
    connection.close()
    return seconds


def auc(values: list[float], others: list[float]) -> float:
    """Return the chance that one of `values` is more than one of `others`."""
    ordered = sorted([(value, 1) for value in values] + [(other, 0) for other in others])
    ranks = sum(rank for rank, (_, ours) in enumerate(ordered, 1) if ours)
    return (ranks - len(values) * (len(values) + 1) / 2) / (len(values) * len(others))


def measure(n: int = REQUESTS) -> dict:
    """Return the median and the AUC of each state, by the form and by JSON."""
    found = {}
    with system() as it:
        url = it.serve("web", "wsgi:app")
        it.workers()
        it.beat()
        for way in ("form", "json"):
            prepare(it, way, n)
            seconds = ask_all(url, way, n)
            found[way] = {
                state: {
                    "median, ms": round(1000 * statistics.median(values), 2),
                    "AUC": round(auc(values, seconds["new"]), 3),
                }
                for state, values in seconds.items()
            }
    return found


if __name__ == "__main__":
    results = measure(int(sys.argv[1]) if sys.argv[1:] else REQUESTS)
    print_json(results)
    wrong = [each for ways in results.values() for each in ways.values() if not BOUNDS[0] <= each["AUC"] <= BOUNDS[1]]
    sys.exit(f"{len(wrong)} states differ from a new address" if wrong else 0)
