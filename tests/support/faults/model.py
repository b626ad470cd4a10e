"""What is observed from outside: whose signature was accepted, who confirmed, who got which email."""

import threading
import time
from collections import Counter, defaultdict


class Model:
    """A record of one period of load, with which emails and rows are compared."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tried, self.posted = set(), set()
        self.accepted, self.confirmed = {}, {}  # address: when
        self.mails = defaultdict(list)  # address: the Message-ID of each email taken by the mail server
        self.failed_requests = Counter()  # requests without a usable answer, by kind
        self.slowest = 0.0  # seconds, of an answer
        self.unexpected_answers = []  # answers that no fault excuses

    def missing(self):
        """Return the accepted addresses that got no email yet."""
        with self.lock:
            return [address for address in self.accepted if address not in self.mails]

    def confirmed_since(self, moment):
        """Return when each signature that was accepted after a moment was confirmed."""
        with self.lock:
            return [at for address, at in self.confirmed.items() if self.accepted.get(address, 0) > moment]

    def count_repeated_emails(self):
        """Return how many emails were repeated."""
        with self.lock:
            return sum(len(ids) - 1 for ids in self.mails.values())

    def violations(self, rows, may_repeat):
        """Compare the emails and the database's rows (address: state) with the promises; return the violations.

        `may_repeat`: how many emails may be repeated.
        """
        accepted, confirmed = set(self.accepted), {a for a, state in rows.items() if state == "confirmed"}
        found = {
            "accepted and lost": accepted - set(rows),
            "in the database and never signed": set(rows) - self.tried,
            "confirmed without the POST": confirmed - self.posted,
            "shown as confirmed and not": set(self.confirmed) - confirmed,
            "accepted and not emailed": accepted - set(self.mails),
            "emailed and never signed": set(self.mails) - self.tried,
            "sent two different emails": {a for a, ids in self.mails.items() if len(set(ids)) > 1},
        }
        if self.count_repeated_emails() > may_repeat:
            found["emailed again without a crash"] = {a for a, ids in self.mails.items() if len(ids) > 1}
        broken = [f"{what}: {len(who)}, such as {sorted(who)[:3]}" for what, who in found.items() if who]
        return broken + [f"answered {what}" for what in self.unexpected_answers]

    def note(self, where, address):
        """Record an address in a set, or in a dictionary with the time."""
        with self.lock:
            if isinstance(where, set):
                where.add(address)
            else:
                where.setdefault(address, time.monotonic())
