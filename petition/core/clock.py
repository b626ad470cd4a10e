"""The current time, in one place so that tests can set it, and the names of time zones."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones


def now() -> datetime:
    """Return the current instant, in UTC."""
    return datetime.now(UTC)


def is_timezone(name: str) -> bool:
    """Return whether this machine knows a time zone of this name, such as Europe/Paris."""
    return name in _timezones()


@cache
def _timezones() -> set[str]:
    """Return the names of all time zones. Finding them opens six hundred files."""
    return available_timezones()
