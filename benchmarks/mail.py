"""Confirmation emails from one worker process, against smtplib on one kept connection to the same sink."""

import smtplib
import time

from harness import FULL, memory, shown, system, versus, wait_for

EMAILS = 8_000 if FULL else 2_500
RATE = """
    SELECT count(*) / extract(epoch FROM max(settled_at) - min(settled_at)), count(*)
    FROM deliveries d JOIN signatures s ON s.id = d.subject_id WHERE d.state = 'sent' AND s.email LIKE %s
"""


def raw(port: int, message: bytes, n: int) -> dict:
    """Send the same email over and over."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        began = time.perf_counter()
        for _ in range(n):
            server.sendmail("petition@example.org", ["someone@bench.example"], message)
        return {"rate": n / (time.perf_counter() - began)}


def measure() -> dict:
    """Return the emails per second of both."""
    rounds = 0
    with system(keeps_mail=True) as it:
        it.worker("confirmations")
        mails = it.folder / "mails"

        def ours() -> dict:
            nonlocal rounds
            rounds += 1
            prefix = f"round{rounds}x"
            it.people(EMAILS, "pending", prefix, link="due")
            it.valkey_ring()
            values = (f"{prefix}%",)
            wait_for(lambda: it.database.execute(RATE, values).fetchone()[1] == EMAILS, 120, "the last email")
            return {"rate": float(it.database.execute(RATE, values).fetchone()[0])}

        ours()
        # What the application sends, without the lines that the sink wrote before it.
        first = mails.read_bytes().partition(b"\n\n")[0] or mails.read_bytes()[:4000]
        message = mails.read_bytes()[: 6000 if len(first) < 100 else len(first)]
        result = versus(ours, lambda: raw(it.sink_port, message, EMAILS))
        result["memory"] = memory(it.family("worker"))
    return {"mail": {**result, "bytes": len(message)}}


if __name__ == "__main__":
    shown(measure())
