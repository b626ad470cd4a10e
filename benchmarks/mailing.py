"""A mailing: writing down its audience against one INSERT … SELECT, its emails against smtplib, and its memory."""

import os
import time

from harness import FULL, memory, shown, system, versus
from mail import LEFT, example, raw

from config import Config
from petition import create_app
from petition.core import clock
from petition.core.db import db
from petition.mailings.freeze import freeze
from petition.mailings.models import Mailing, MailingText

RECIPIENTS = 100_000 if FULL else 10_000
FEW = 1_000
BODY = "Bonjour {{ name }},\n\nNous sommes {{ count }} à avoir signé.\n\n" + "Une nouvelle, puis une autre. " * 40
SENT = "SELECT count(*) FROM deliveries WHERE mailing_id IS NOT NULL AND state = 'sent'"
RATE = """
    SELECT count(*) / extract(epoch FROM max(settled_at) - min(settled_at)) FROM deliveries
    WHERE mailing_id = %s AND state = 'sent'
"""
REFERENCE = """
    INSERT INTO reference (kind, lane, petition_id, subject_id, generation, mailing_id, state, attempt)
    SELECT 'mailing', 'mailings', petition_id, id, 1, 1, 'due', 0 FROM signatures
    WHERE updates AND state = 'confirmed'
"""


def make(app) -> int:
    """Make a mailing that is being sent, without its audience, and return its number."""
    with app.app_context():
        mailing = Mailing(name="Bench", state="sending", sender_name="Bench", timezone="UTC",
                          segment={"petitions": [1]}, written_by="bench")  # fmt: skip
        mailing.texts = {"fr": MailingText(language="fr", subject="Des nouvelles, {{ name }}", preheader="", body=BODY)}
        db.session.add(mailing)
        db.session.commit()
        return mailing.id


def freezing(it, app) -> dict:
    """Return how many rows are written down in a second, ours and by the plainest statement."""

    def ours() -> dict:
        number = make(app)
        with app.app_context():
            mailing, began = db.session.get(Mailing, number), time.perf_counter()
            rows = freeze(mailing, clock.now())
            db.session.commit()
            took = time.perf_counter() - began
        it.database.execute("DELETE FROM deliveries WHERE mailing_id = %s", (number,))
        it.database.execute("VACUUM deliveries")
        return {"rate": rows / took}

    def reference() -> dict:
        it.database.execute("DROP TABLE IF EXISTS reference")
        it.database.execute("CREATE TABLE reference (LIKE deliveries INCLUDING ALL)")
        began = time.perf_counter()
        rows = it.database.execute(REFERENCE).rowcount
        return {"rate": rows / (time.perf_counter() - began)}

    return versus(ours, reference)


def send(it, app, when: int) -> dict:
    """Send a mailing to everybody; returns the emails per second and the worker's memory after some and at the end."""
    number = make(app)
    with app.app_context():
        freeze(db.session.get(Mailing, number), clock.now())
        db.session.commit()
    early = 0.0
    total, ends = it.ask(LEFT), time.monotonic() + 60 + RECIPIENTS / 100
    while left := it.ask(LEFT):
        assert time.monotonic() < ends, f"{left} emails of the mailing have not left"
        if not early and total - left >= when:
            early = memory(it.family("worker"))
        time.sleep(0.2)
    return {"rate": float(it.ask(RATE, number)), "early": early, "memory": memory(it.family("worker"))}


def measure() -> dict:
    """Return the freezing, the sending and the memory."""
    with system() as it:
        it.people(RECIPIENTS, "confirmed", "r")
        app = create_app(Config({**os.environ, **it.environ}))
        found = {"mailing, freeze": freezing(it, app)}
        it.worker("mailings")
        it.beat()
        runs = []

        def ours() -> dict:
            runs.append(send(it, app, FEW))
            return runs[-1]

        first = ours()
        message = example(app)
        found["mailing, emails"] = versus(ours, lambda: raw(it.sink_port, message, 8 * FEW), 2)
        found["mailing, memory"] = {
            "before": first["early"], "after": first["memory"], "ratio": first["memory"] - first["early"],
            "after all": runs[-1]["memory"], "emails": len(runs) * RECIPIENTS,
        }  # fmt: skip
        assert it.ask(SENT) == len(runs) * RECIPIENTS
    return found


if __name__ == "__main__":
    shown(measure())
