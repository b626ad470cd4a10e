"""Confirmation emails from one worker process, against smtplib on one kept connection to the same sink."""

import os
import smtplib
import time
from dataclasses import fields

from harness import FULL, compare, measure_memory, print_json, system

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.delivery.composers import ClaimedDelivery, compose
from petition.delivery.models import Delivery

EMAILS = 8_000 if FULL else 2_000
UNSENT_SQL = "SELECT count(*) FROM deliveries WHERE state IN ('due', 'sending')"
RATE = """
    SELECT count(*) / extract(epoch FROM max(settled_at) - min(settled_at)), count(*)
    FROM deliveries d JOIN signatures s ON s.id = d.subject_id WHERE d.state = 'sent' AND s.email LIKE %s
"""


def send_with_smtplib(port: int, message: bytes, n: int) -> dict:
    """Send the same email over and over."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        began = time.perf_counter()
        for _ in range(n):
            server.sendmail("petition@example.org", ["someone@bench.example"], message)
        return {"rate": n / (time.perf_counter() - began)}


def sample_message(app) -> bytes:
    """Return an email of those that were sent, the same octets."""
    with app.app_context():
        row = db.session.query(Delivery).first()
        return compose([ClaimedDelivery(*(getattr(row, field.name) for field in fields(ClaimedDelivery)))])[
            row.id
        ].as_bytes()


def wait_until_sent(it, limit: float) -> None:
    """Wait until every email has left; fail after the limit, in seconds."""
    ends = time.monotonic() + limit
    while it.fetch_value(UNSENT_SQL):
        assert time.monotonic() < ends, f"{it.fetch_value(UNSENT_SQL)} emails have not left within {limit} s"
        time.sleep(0.2)  # asking costs what is measured


def measure() -> dict:
    """Return the emails per second of both."""
    rounds = 0
    with system() as it:
        app = create_app(Config({**os.environ, **it.environ}))
        it.worker("confirmations")
        it.beat()  # its sweep begins each round

        def ours() -> dict:
            nonlocal rounds
            rounds += 1
            prefix = f"round{rounds}x"
            it.insert_signatures(EMAILS, "pending", prefix, link="due")
            wait_until_sent(it, 120)
            rate, sent = it.database.execute(RATE, (f"{prefix}%",)).fetchone()
            assert sent == EMAILS
            return {"rate": float(rate)}

        ours()
        message = sample_message(app)
        result = compare(ours, lambda: send_with_smtplib(it.sink_port, message, EMAILS))
        result["memory"] = measure_memory(it.process_tree("worker"))
    return {"mail": {**result, "bytes": len(message)}}


if __name__ == "__main__":
    print_json(measure())
