"""Merge what two people typed into the form of the same mailing, field by field, as the petition's form does."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Fields of the request that are not of the mailing.
NOT_MERGED = ("csrf_token", "owner", "version", "base", "resolve", "copy")


@dataclass(frozen=True)
class Merge:
    """What differs: each field's (mine, theirs), what both changed, and both versions combined."""

    differences: dict[str, tuple[str, str]]
    conflicting_fields: list[str]
    merged_values: dict[str, Any]


def as_text(value: Any) -> str:
    """Return a value of the form as one text, alike whether it was typed or read from the database."""
    if isinstance(value, list | tuple):
        return "\n".join(str(item) for item in value)
    if value is None or isinstance(value, bool):
        return "on" if value else ""
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def make_base(form: Mapping[str, Any]) -> str:
    """Return the digest of each field, which the form carries to see what changed since it was opened."""
    return json.dumps({name: _digest(value) for name, value in form.items() if name not in NOT_MERGED})


def _digest(value: Any) -> str:
    return hashlib.sha256(as_text(value).encode("utf-8", "replace")).hexdigest()[:10]


def compare(base: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Merge:
    """Compare what is typed with what was saved meanwhile. Without a valid base, every field counts as changed."""
    try:
        known = json.loads(base)
    except (ValueError, RecursionError):
        known = {}
    known = known if isinstance(known, dict) else {}
    empty = _digest("")
    names = sorted(name for name in {*mine, *theirs} if name not in NOT_MERGED)
    changed_by_me = {name for name in names if _digest(mine.get(name)) != known.get(name, empty)}
    changed_by_them = {name for name in names if _digest(theirs.get(name)) != known.get(name, empty)}
    differences = {
        name: (as_text(mine.get(name)), as_text(theirs.get(name)))
        for name in names
        if name in changed_by_them and as_text(mine.get(name)) != as_text(theirs.get(name))
    }
    return Merge(
        differences,
        [name for name in differences if name in changed_by_me],
        {name: (mine if name in changed_by_me or name not in changed_by_them else theirs).get(name) for name in names},
    )
