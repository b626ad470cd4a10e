"""Several faults at once: each process and service has a sequence of its own."""

import random
import signal
import threading
from contextlib import contextmanager
from functools import partial

from support.faults import faults
from support.misbehaving_smtp import CLOSE, HANG, SLOW, STAGES


@contextmanager
def terminated(part, stack):
    """Let a process finish its current work and end."""
    process = stack.running[part]
    process.send_signal(signal.SIGTERM)
    yield
    process.wait(40)


FAULTS_BY_PART = {
    "web": [partial(faults.killed, "web"), partial(faults.suspended, "web"), faults.web_child_killed,
            partial(terminated, "web")],
    "worker": [partial(faults.killed, "worker"), partial(faults.suspended, "worker")],
    "background": [partial(faults.killed, "background"), partial(faults.suspended, "background")],
    "beat": [partial(faults.killed, "beat"), partial(faults.suspended, "beat")],
    "postgres": [
        partial(faults.postgres_stopped, signal.SIGINT), partial(faults.postgres_stopped, signal.SIGQUIT),
        faults.postgres_suspended,
    ],
    "valkey": [partial(faults.valkey_killed, True), partial(faults.valkey_killed, False), faults.broker_black_holed],
    "mail server": [
        faults.smtp_refusing_connections,
        *(
            partial(faults.smtp_misbehaving, stage, behaviour)
            for stage in STAGES
            for behaviour in (HANG, CLOSE, SLOW, "421 4.3.2 later")
        ),
    ],
    "mailings": [partial(faults.killed, "mailings"), partial(faults.suspended, "mailings"),
                 partial(terminated, "mailings")],
}  # fmt: skip


class ConcurrentFaults:
    """Random faults for every process and service at once, until the context ends; then everything runs again."""

    def __init__(self, stack, random_source):
        self.stack, self._over = stack, threading.Event()
        self.log, self.failed = [], []
        # A generator for each: the threads' timing must not change the others' faults.
        seeds = {part: random_source.random() for part in FAULTS_BY_PART}
        self._threads = [threading.Thread(target=self._run_faults, args=item) for item in seeds.items()]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert not self.failed, self.failed

    def _run_faults(self, part, seed):
        random_source = random.Random(seed)
        while not self._over.wait(random_source.uniform(3, 15)):
            fault, lasts = random_source.choice(FAULTS_BY_PART[part]), random_source.uniform(0.5, 7)
            self.log.append(f"{part}: {getattr(fault, 'func', fault).__name__}{getattr(fault, 'args', '')}")
            try:
                with fault(self.stack):
                    self._over.wait(lasts)
                # A web process that finds no database ends, and gunicorn with it.
                self.stack.restart(only=part)
            except Exception as error:
                self.failed.append(f"{self.log[-1]}: {error!r}")
