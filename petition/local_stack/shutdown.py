"""A request to stop, by Ctrl-C, SIGTERM or a closed terminal, and the time left since."""

import signal
import time
from types import FrameType


class ShutdownRequest:
    """True when called after the first such signal; later ones change nothing. Create it in the main thread."""

    def __init__(self) -> None:
        self._requested = False
        self._since: float | None = None
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self._handle_signal)
        # Under nohup a closed terminal stops nothing.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle_signal)

    def __call__(self) -> bool:
        return self._requested

    @property
    def has_begun(self) -> bool:
        """Whether the stop has begun, for a signal or for another reason."""
        return self._since is not None

    def begin(self) -> None:
        """Count the time from now, unless it is counted already."""
        if self._since is None:
            self._since = time.monotonic()

    def seconds_left(self, seconds: float) -> float:
        """Return how many of these seconds are left since the request, at least one."""
        return max(1.0, seconds - (time.monotonic() - (self._since or time.monotonic())))

    # Only sets a flag: printing or stopping anything here could interrupt the same work half done.
    def _handle_signal(self, _sign: int, _frame: FrameType | None) -> None:
        self._requested = True
        self.begin()
