"""Wait for a condition instead of sleeping and hoping."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], limit: float = 20.0, what: str = "it") -> object:
    """Return the condition's first true value; fail after the limit, in seconds."""
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {limit} s")
