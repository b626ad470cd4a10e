"""Wait for a condition instead of sleeping and hoping."""

import time
from collections.abc import Callable

# Limits are meant for a quiet machine. What takes that much longer on a busy one is slow, not broken.
BUSY_FACTOR = 4.0


def wait_for(condition: Callable[[], object], limit: float = 20.0, what: str = "it") -> object:
    """Return the condition's first true value; fail after `BUSY_FACTOR` times the limit, in seconds."""
    ends = time.monotonic() + BUSY_FACTOR * limit
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {BUSY_FACTOR * limit:.0f} s")
