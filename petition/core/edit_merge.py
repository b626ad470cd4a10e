"""Merge what two people typed into the form of the same row, field by field, after `optimistic_lock` rejected one."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Merge:
    """The values of two people who edited the same row: what the other one saved, and both combined."""

    changed_by_them: list[str]
    differences: dict[str, tuple[str, str]]  # (mine, theirs) of the fields that they changed to something else
    conflicting_fields: list[str]  # fields that both changed, and to different values
    merged_values: dict[str, Any]


def as_text(value: Any) -> str:
    """Return a value of a form as one text, alike whether it was typed or read from the database."""
    if isinstance(value, list | tuple):
        return "\n".join(str(item) for item in value)
    if value is None or isinstance(value, bool):
        return "on" if value else ""
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def digest(value: Any) -> str:
    """Return a short hash of a value, to see whether it changed."""
    return hashlib.sha256(as_text(value).encode("utf-8", "replace")).hexdigest()[:10]


def make_base(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of each field, which the form carries as JSON to see what changed since it was opened."""
    return {name: digest(value) for name, value in values.items()}


def parse_base(text: str) -> dict[str, Any]:
    """Return the digests that a form carries; none for anything that is not a form's."""
    try:
        base = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return base if isinstance(base, dict) else {}


def compare(
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    fields: Iterable[str],
    missing: str | None = None,
) -> Merge:
    """Compare what is typed with what was saved meanwhile, in these fields.

    `base` has the digest of each field when the form was opened; `missing` is that of a field that it does not have,
    which else counts as changed by both.
    """
    names = list(fields)
    changed_by_me = {name for name in names if digest(mine.get(name)) != base.get(name, missing)}
    changed_by_them = [name for name in names if digest(theirs.get(name)) != base.get(name, missing)]
    pairs = {name: (as_text(mine.get(name)), as_text(theirs.get(name))) for name in changed_by_them}
    differences = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    from_them = set(changed_by_them) - changed_by_me
    return Merge(
        changed_by_them,
        differences,
        [name for name in differences if name in changed_by_me],
        {name: (theirs if name in from_them else mine).get(name) for name in names},
    )
