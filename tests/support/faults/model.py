"""What the world outside knows: who was told that they signed, who pressed the button, who got which email."""

import threading
import time
from collections import Counter, defaultdict


class Model:
    """A plain account of one stretch of load, against which the mails and the rows are held."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tried, self.posted = set(), set()
        self.accepted, self.confirmed = {}, {}  # address: when
        self.mails = defaultdict(list)  # address: the Message-ID of each email taken by the mail server
        self.failed_requests = Counter()  # what a person met instead of an answer, by kind
        self.slowest = 0.0  # seconds, of an answer
        self.unexpected_answers = []  # answers that no fault excuses

    def missing(self):
        """Return whom an email is owed to."""
        with self.lock:
            return [address for address in self.accepted if address not in self.mails]

    def confirmed_since(self, moment):
        """Return when each signature that was begun after a moment was confirmed."""
        with self.lock:
            return [at for address, at in self.confirmed.items() if self.accepted.get(address, 0) > moment]

    def count_repeated_emails(self):
        """Return how many emails came again."""
        with self.lock:
            return sum(len(ids) - 1 for ids in self.mails.values())

    def violations(self, rows, may_repeat):
        """Hold the mails and the database's rows (address: state) against what was promised; return what is broken.

        `may_repeat`: how many emails may have come again.
        """
        accepted, confirmed = set(self.accepted), {a for a, state in rows.items() if state == "confirmed"}
        found = {
            "accepted and lost": accepted - set(rows),
            "in the database and never asked for": set(rows) - self.tried,
            "confirmed without the POST": confirmed - self.posted,
            "told confirmed and not": set(self.confirmed) - confirmed,
            "owed an email and not mailed": accepted - set(self.mails),
            "mailed and never asked for": set(self.mails) - self.tried,
            "mailed two different emails": {a for a, ids in self.mails.items() if len(set(ids)) > 1},
        }
        if self.count_repeated_emails() > may_repeat:
            found["mailed again without a crash"] = {a for a, ids in self.mails.items() if len(ids) > 1}
        broken = [f"{what}: {len(who)}, such as {sorted(who)[:3]}" for what, who in found.items() if who]
        return broken + [f"answered {what}" for what in self.unexpected_answers]

    def note(self, where, address):
        """Note that somebody tried, was accepted, pressed or was confirmed."""
        with self.lock:
            if isinstance(where, set):
                where.add(address)
            else:
                where.setdefault(address, time.monotonic())
