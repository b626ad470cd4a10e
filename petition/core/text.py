"""Text helpers that do not depend on a language."""

import string
import unicodedata

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def N_(text: str) -> str:
    """Mark a text for extraction; it is translated where it is displayed."""
    return text


def ascii_lower(text: str) -> str:
    """Return a text with A to Z in lower case, and every other character as it is.

    For email addresses: Unicode's case rules (`str.lower`, `str.casefold`) map letters of different mailboxes to one,
    such as the Kelvin sign to k or the long s to s.
    """
    return text.translate(_ASCII_LOWER)


def is_printable_line(value: str) -> bool:
    """Say whether a line has only visible characters, spaces, and the joiners that Persian spelling needs."""
    return all(c.isprintable() or unicodedata.category(c) == "Zs" or c in "\u200c\u200d" for c in value)


def is_printable_text(lines: str) -> bool:
    """Say whether a text has no control character but tabs and line ends, and no surrogate."""
    return not any((ord(c) < 32 and c not in "\t\n") or 0xD800 <= ord(c) < 0xE000 for c in lines)
