"""Text: comparisons that do not depend on a language or on Unicode's case mapping."""

import string

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def ascii_lower(text: str) -> str:
    """Lower-case A to Z and leave every other character as it is.

    `str.lower()` maps other letters to ASCII ones (KELVIN SIGN to k), which would make two mailboxes one.
    """
    return text.translate(_ASCII_LOWER)
