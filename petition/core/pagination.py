"""Keyset pagination: a page starts after the last key of the previous one, at the same cost for every page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, tuple_

from petition.core.exceptions import ValidationError
from petition.core.ids import MAX_ID

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `next` is the cursor of the page that follows, None on the last one."""

    items: Sequence[T]
    next: str | None


def parse_cursor(text: str | None, parameter: str = "cursor") -> int | None:
    """Return the key that a cursor names, None without a cursor. Raises `ValidationError` for anything else.

    `parameter` is the name under which clients send the cursor.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID):
        raise ValidationError(
            {parameter: f"not a cursor of this list: start without `{parameter}`, then follow `next`"}
        )
    return int(text)


def select_page(query: Select[Any], key: Any, *, cursor: Any, limit: int, descending: bool = True) -> Select[Any]:
    """Return the query of one page, ordered by a unique key; it fetches one row more, which `make_page` looks for.

    `key` is a column, or a tuple of columns that are unique together; `cursor` its value in the row that the page
    before ended with, None for the first page.
    """
    columns = key if isinstance(key, tuple) else (key,)
    if cursor is not None:
        row = tuple_(*columns) if isinstance(key, tuple) else key
        query = query.where(row < cursor if descending else row > cursor)
    return query.order_by(*(column.desc() if descending else column for column in columns)).limit(limit + 1)


def make_page(rows: Sequence[T], limit: int, key: Callable[[T], int | str]) -> Page[T]:
    """Return the page out of the rows that `select_page` found; `key` makes the cursor of the page after a row."""
    items = rows[:limit]
    return Page(items, str(key(items[-1])) if len(rows) > limit else None)
