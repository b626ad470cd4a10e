"""Circuit breaker: skip calls to a service for a while after it failed, so that requests do not wait for it again."""

import time


class CircuitBreaker:
    """Open for a number of seconds after each failure. One per service and process."""

    def __init__(self, open_seconds: float) -> None:
        self.open_seconds = open_seconds
        self._open_until = 0.0

    def is_open(self) -> bool:
        """Return whether to skip the call for now."""
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        """Record a failure: open."""
        self._open_until = time.monotonic() + self.open_seconds

    def close(self) -> None:
        """Close again."""
        self._open_until = 0.0
