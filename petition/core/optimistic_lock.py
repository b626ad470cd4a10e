"""Optimistic locking: a form carries the version of its row, and is rejected if the row has changed since.

The version is the row's `version` column, or a fingerprint of the values that the form displayed.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from petition.core.exceptions import Conflict


class EditConflict(Conflict):
    """Somebody else changed the row since the form was opened."""

    def __init__(self, errors: dict[str, str] | None = None) -> None:
        super().__init__(errors or {"form": _("Somebody changed this meanwhile. Please look at it again.")})


def fingerprint(values: Mapping[str, Any], salt: str = "") -> str:
    """Return a hash of named values, which changes with each of them. `salt` prevents guessing them from the hash."""
    text = json.dumps({name: None if value is None else str(value) for name, value in values.items()}, sort_keys=True)
    return hashlib.sha256(f"{salt}\0{text}".encode()).hexdigest()[:32]


def require_version(current: str | int, submitted: str | None) -> None:
    """Raise `EditConflict` unless the submitted version is the current one."""
    if str(current) != submitted:
        raise EditConflict
