"""Stop asking for a while what does not answer, so that nobody waits for it twice."""

import time


class CircuitBreaker:
    """Open, for a number of seconds after each failure, while whatever it guards is left alone."""

    def __init__(self, rest: float) -> None:
        self.rest = rest
        self._until = 0.0

    def is_open(self) -> bool:
        """Say whether to do without for now."""
        return time.monotonic() < self._until

    def trip(self) -> None:
        """Note a failure."""
        self._until = time.monotonic() + self.rest

    def close(self) -> None:
        """Forget the failures."""
        self._until = 0.0
