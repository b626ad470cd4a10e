"""Durations in words, without the application."""

from datetime import timedelta


def format_duration(seconds: float, language: str = "en") -> str:
    """Return a duration in its two largest units: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s".replace(".", "," if language == "fr" else ".")
    if seconds < 60:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    days = "j" if language == "fr" else "d"
    for large, small, unit, part in (("min", "s", 60, 1), ("h", "min", 3600, 60), (days, "h", 86400, 3600)):
        if seconds < {60: 3600, 3600: 86400}.get(unit, float("inf")):
            whole, remainder = divmod(seconds, unit)
            parts = [f"{whole:.0f} {large}"] + ([f"{remainder // part:.0f} {small}"] if remainder // part else [])
            return " ".join(parts).replace(" ", "\N{NO-BREAK SPACE}")
    raise AssertionError(seconds)


def format_value(value: object, language: str = "en") -> object:
    """Return a duration in words, and any other value unchanged."""
    return format_duration(value.total_seconds(), language) if isinstance(value, timedelta) else value
