"""A mailing: materialising its audience against one INSERT … SELECT, its emails against smtplib, and its memory."""

import os
import time

from harness import FULL, compare, measure_memory, print_json, system
from mail import UNSENT_SQL, sample_message, send_with_smtplib

from config import Config
from petition.app import create_app
from petition.core import clock
from petition.core.db import db
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.models import Mailing, MailingText

RECIPIENTS = 100_000 if FULL else 5_000
FEW = 1_000
BODY = "Bonjour {{ name }},\n\nNous sommes {{ count }} à avoir signé.\n\n" + "Une nouvelle, puis une autre. " * 40
SENT = "SELECT count(*) FROM deliveries WHERE mailing_id IS NOT NULL AND state = 'sent'"
RATE = """
    SELECT count(*) / extract(epoch FROM max(settled_at) - min(settled_at)) FROM deliveries
    WHERE mailing_id = %s AND state = 'sent'
"""
REFERENCE = """
    INSERT INTO reference (kind, queue, petition_id, subject_id, generation, mailing_id, state, attempt)
    SELECT 'mailing', 'mailings', petition_id, id, 1, 1, 'due', 0 FROM signatures
    WHERE updates AND state = 'confirmed'
"""


def make_mailing(app) -> int:
    """Create a mailing in state sending, without its audience, and return its id."""
    with app.app_context():
        mailing = Mailing(name="Bench", state="sending", sender_name="Bench", timezone="UTC",
                          segment={"petitions": [1]}, written_by="bench")  # fmt: skip
        mailing.texts = {"fr": MailingText(language="fr", subject="Des nouvelles, {{ name }}", preheader="", body=BODY)}
        db.session.add(mailing)
        db.session.commit()
        return mailing.id


def compare_materialise(it, app) -> dict:
    """Return the rows inserted per second, by ours and by the simplest statement."""

    def ours() -> dict:
        number = make_mailing(app)
        with app.app_context():
            mailing, began = db.session.get(Mailing, number), time.perf_counter()
            rows = materialise_audience(mailing, clock.now())
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

    ours()  # the first in a process compiles triggers and plans, which the worker did before
    reference()
    return compare(ours, reference)


def send(it, app, when: int) -> dict:
    """Send a mailing to everybody; returns the emails per second and the worker's memory after some and at the end."""
    number = make_mailing(app)
    with app.app_context():
        materialise_audience(db.session.get(Mailing, number), clock.now())
        db.session.commit()
    early = 0.0
    total, ends = it.fetch_value(UNSENT_SQL), time.monotonic() + 60 + RECIPIENTS / 100
    while left := it.fetch_value(UNSENT_SQL):
        assert time.monotonic() < ends, f"{left} emails of the mailing have not left"
        if not early and total - left >= when:
            early = measure_memory(it.process_tree("worker"))
        time.sleep(0.2)
    return {
        "rate": float(it.fetch_value(RATE, number)),
        "early": early,
        "memory": measure_memory(it.process_tree("worker")),
    }


def measure() -> dict:
    """Return the rates of materialising and of sending, and the memory."""
    with system() as it:
        it.insert_signatures(RECIPIENTS, "confirmed", "r")
        app = create_app(Config({**os.environ, **it.environ}))
        found = {"mailing, audience": compare_materialise(it, app)}
        it.worker("mailings")
        it.beat()
        runs = []

        def ours() -> dict:
            runs.append(send(it, app, FEW))
            return runs[-1]

        first = ours()
        message = sample_message(app)
        found["mailing, emails"] = compare(
            ours, lambda: send_with_smtplib(it.sink_port, message, 8 * FEW), 2 if FULL else 1
        )
        found["mailing, memory"] = {
            "before": first["early"], "after": first["memory"], "ratio": first["memory"] - first["early"],
            "after all": runs[-1]["memory"], "emails": len(runs) * RECIPIENTS,
        }  # fmt: skip
        assert it.fetch_value(SENT) == len(runs) * RECIPIENTS
    return found


if __name__ == "__main__":
    print_json(measure())
