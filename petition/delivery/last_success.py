"""When this process last got an email accepted: a worker that takes work and sends nothing can be told apart."""

from datetime import datetime

from petition.core import clock

_last_success: list[datetime] = []


def note_success() -> None:
    """Note that the mail server took an email just now."""
    _last_success[:] = [clock.now()]


def get_last_success() -> datetime | None:
    """Return when the mail server last took an email from this process, if it ever did."""
    return _last_success[0] if _last_success else None
