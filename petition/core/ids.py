"""Ids of rows, as a URL or a form names them: any number, also one that no column of the database holds."""

from typing import Any, TypeVar

from petition.core.db import Model, db

T = TypeVar("T", bound=Model)
MAX_ID = 2**63 - 1  # of a bigint


def is_id(number: int) -> bool:
    """Return whether a number may be the id of a row: the database refuses to compare others."""
    return 0 < number <= MAX_ID


def find_by_id(model: type[T], number: int, **options: Any) -> T | None:
    """Return the row with an id, None if there is none. `options` are those of `Session.get`."""
    return db.session.get(model, number, **options) if is_id(number) else None
