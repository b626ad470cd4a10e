"""When this process last got an email accepted: a worker that takes work and sends nothing can be told apart."""

from datetime import datetime

from petition.core import clock

_last: list[datetime] = []


def beat() -> None:
    """Note that the mail server took an email just now."""
    _last[:] = [clock.now()]


def last_success() -> datetime | None:
    """Return when the mail server last took an email from this process, if it ever did."""
    return _last[0] if _last else None
