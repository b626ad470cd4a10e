"""Limit the processor time of a test: what grows with the square of its input fails, however busy the machine is."""

import signal
from contextlib import contextmanager


@contextmanager
def at_most(seconds):
    """Fail if the block takes more processor time of this process. The main thread alone can use it."""

    def fail(*_):
        raise AssertionError(f"took more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
