"""Several faults at once: each part has its own troubles, one after the other, whatever the others go through."""

import random
import signal
import threading
from contextlib import contextmanager
from functools import partial

from faults import faults
from wayward import CLOSE, HANG, SLOW, STAGES


@contextmanager
def told_to_end(part, stack):
    """Have a part finish what it has in hand and end, come what may."""
    process = stack.running[part]
    process.send_signal(signal.SIGTERM)
    yield
    process.wait(40)


PARTS = {
    "web": [partial(faults.killed, "web"), partial(faults.frozen, "web"), faults.web_child_killed,
            partial(told_to_end, "web")],
    "worker": [partial(faults.killed, "worker"), partial(faults.frozen, "worker")],
    "rest": [partial(faults.killed, "rest"), partial(faults.frozen, "rest")],
    "beat": [partial(faults.killed, "beat"), partial(faults.frozen, "beat")],
    "postgres": [
        partial(faults.postgres_stopped, signal.SIGINT), partial(faults.postgres_stopped, signal.SIGQUIT),
        faults.postgres_frozen,
    ],
    "valkey": [partial(faults.valkey_killed, True), partial(faults.valkey_killed, False), faults.broker_black_holed],
    "mail server": [
        faults.mail_server_away,
        *(partial(faults.mail, stage, mood) for stage in STAGES for mood in (HANG, CLOSE, SLOW, "421 4.3.2 later")),
    ],
    "mailings": [partial(faults.killed, "mailings"), partial(faults.frozen, "mailings"),
                 partial(told_to_end, "mailings")],
}  # fmt: skip


class Storm:
    """Troubles for every part at once, from the chance given, until it ends; then everything is back."""

    def __init__(self, stack, chance):
        self.stack, self._over = stack, threading.Event()
        self.told, self.failed = [], []
        # A generator of its own for each part: the threads' timing must not decide what the others do.
        seeds = {part: chance.random() for part in PARTS}
        self._threads = [threading.Thread(target=self._trouble, args=item) for item in seeds.items()]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert not self.failed, self.failed

    def _trouble(self, part, seed):
        chance = random.Random(seed)
        while not self._over.wait(chance.uniform(3, 15)):
            fault, lasts = chance.choice(PARTS[part]), chance.uniform(0.5, 7)
            self.told.append(f"{part}: {getattr(fault, 'func', fault).__name__}{getattr(fault, 'args', '')}")
            try:
                with fault(self.stack):
                    self._over.wait(lasts)
                # A web process that finds no database ends, and gunicorn with it.
                self.stack.restart(only=part)
            except Exception as error:
                self.failed.append(f"{self.told[-1]}: {error!r}")
