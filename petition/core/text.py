"""Text helpers that do not depend on a language."""

import string

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def ascii_lower(text: str) -> str:
    """Return a text with A to Z in lower case, and every other character as it is.

    For email addresses: Unicode's case rules (`str.lower`, `str.casefold`) map letters of different mailboxes to one,
    such as the Kelvin sign to k or the long s to s.
    """
    return text.translate(_ASCII_LOWER)
