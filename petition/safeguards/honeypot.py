"""Honeypot: a form field that is hidden from people and that simple robots fill in."""

from collections.abc import Mapping
from typing import Any

FIELD_NAME = "website"


def is_filled(form: Mapping[str, Any]) -> bool:
    """Return whether the hidden field is filled in. The response must then be the same as for an accepted form."""
    return bool(form.get(FIELD_NAME))
