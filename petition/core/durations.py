"""Durations in words, without the application."""

import re
from datetime import timedelta
from functools import cache

# A pattern of CLDR that names nothing: the unit's own identifier.
UNIT_PATTERN = re.compile(r"[^\W\d_]+")


def format_duration(seconds: float, language: str = "en") -> str:
    """Return a duration in its two largest units: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h.

    Seconds, minutes and hours have the signs of the SI; the day's is the language's (Unicode CLDR), in French « j ».
    """
    if seconds < 10:
        from babel.numbers import format_decimal  # noqa: PLC0415, as `petition queue check` starts without it

        return f"{format_decimal(round(seconds, 1), '0.0', language)}\N{NO-BREAK SPACE}s"
    if seconds < 60:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    days = _day_sign(language)
    for large, small, unit, part in (("min", "s", 60, 1), ("h", "min", 3600, 60), (days, "h", 86400, 3600)):
        if seconds < {60: 3600, 3600: 86400}.get(unit, float("inf")):
            whole, remainder = divmod(seconds, unit)
            parts = [f"{whole:.0f} {large}"] + ([f"{remainder // part:.0f} {small}"] if remainder // part else [])
            return " ".join(parts).replace(" ", "\N{NO-BREAK SPACE}")
    raise AssertionError(seconds)


@cache
def _day_sign(language: str) -> str:
    from babel.units import format_unit  # noqa: PLC0415, as above

    found = UNIT_PATTERN.search(format_unit(3, "day", "narrow", locale=language))
    return found[0] if found and found[0] != "duration" else "d"


def format_value(value: object, language: str = "en") -> object:
    """Return a duration in words, and any other value unchanged."""
    return format_duration(value.total_seconds(), language) if isinstance(value, timedelta) else value
