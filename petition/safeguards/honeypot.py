"""A field that people never see and that simple robots fill in."""

from collections.abc import Mapping
from typing import Any

FIELD_NAME = "website"


def is_filled(form: Mapping[str, Any]) -> bool:
    """Say whether a robot filled the hidden field; it is then answered as if all had gone well."""
    return bool(form.get(FIELD_NAME))
