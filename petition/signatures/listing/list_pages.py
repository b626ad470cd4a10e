"""Pages of the public list as people turn them: newest first, by letter, by profession, by name.

Each page costs the same however far down it is: it starts beside the signature that the page before ended with. The
search reads an index of words. What was searched for is a name, and so in no URL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, tuple_

from petition.core import read_replica
from petition.core.languages.collation import sort_key
from petition.core.pagination import parse_cursor, select_page
from petition.petitions.models import Listing, Petition
from petition.petitions.queries import LISTED_PEOPLE_SQL
from petition.signatures.listing.public_list import PAGE_SIZE as DEFAULT_PAGE_SIZE
from petition.signatures.listing.public_list import Signatory, listed_query, to_signatory
from petition.signatures.models import LISTED_NAME_SQL, SEARCH_VECTOR_SQL, Signature

PAGE_SIZE = DEFAULT_PAGE_SIZE
LETTERS = "abcdefghijklmnopqrstuvwxyz"
OTHER_LETTERS = "other"  # names that begin with none of these
MIN_SEARCH_CHARACTERS = 2
name_key: ColumnElement[str] = literal_column(f"({LISTED_NAME_SQL})")
words_of_name: ColumnElement[Any] = literal_column(SEARCH_VECTOR_SQL)


@dataclass(frozen=True)
class ListView:
    """Which part of the list to show, in which order."""

    by_name: bool = False
    letter: str | None = None
    professions: tuple[str, ...] = ()  # any of these, in lower case


@dataclass(frozen=True)
class ListPage:
    """One page: its people, and the cursors of the pages beside it."""

    people: Sequence[Signatory]
    previous: str | None
    next: str | None


def browse(petition: Petition, view: ListView, after: str | None = None, before: str | None = None) -> ListPage:
    """Return the page after or before a signature of the list, else the first. Raises `ValidationError`."""
    query = _filter(listed_query(petition).where(Signature.party == literal_column("'person'")), view)
    start, backwards = parse_cursor(before or after, "after"), bool(before)
    key: Any = Signature.confirmed_no
    edge: Any = start
    descending = not backwards  # newest first
    if view.by_name or view.letter:
        key, descending = (name_key, Signature.confirmed_no), backwards
        edge = _find_name(petition, start) if start is not None else None
        if start is not None and edge is None:
            return ListPage([], None, None)
    page = select_page(query, key, cursor=edge, limit=PAGE_SIZE, descending=descending)
    rows = list(read_replica.fetch_rows(page))
    has_more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if backwards:
        rows.reverse()
    has_previous = has_more if backwards else start is not None
    has_next = bool(rows) if backwards else has_more
    return ListPage(
        [to_signatory(row, petition) for row in rows],
        str(rows[0].confirmed_no) if rows and has_previous else None,
        str(rows[-1].confirmed_no) if rows and has_next else None,
    )


def _filter(query: Select[Any], view: ListView) -> Select[Any]:
    if view.letter == OTHER_LETTERS:
        query = query.where(or_(name_key < LETTERS[0], name_key >= chr(ord(LETTERS[-1]) + 1)))
    elif view.letter:
        query = query.where(name_key >= view.letter, name_key < chr(ord(view.letter) + 1))
    if view.professions:
        query = query.where(func.lower(Signature.profession).in_(view.professions))
    return query


def _find_name(petition: Petition, number: int) -> ColumnElement[Any] | None:
    """Return the place of a listed signature in the order of names, None for one that is not listed."""
    query = listed_query(petition).where(Signature.confirmed_no == number).with_only_columns(name_key)
    rows = read_replica.fetch_rows(query)
    return tuple_(rows[0][0], number) if rows else None


def search(petition: Petition, text: str) -> list[Signatory]:
    """Return the people whose name has words that begin with those of a text, whatever the accents; at most a page."""
    letters = sort_key(text)[0]
    words = ["".join(c for c in word if c.isalnum()) for word in letters.replace("'", " ").replace("-", " ").split()]
    words = [word for word in words if word]
    if petition.listing == Listing.NONE or len("".join(words)) < MIN_SEARCH_CHARACTERS:
        return []
    pattern = " & ".join(f"{word}:*" for word in words[:8])
    query = listed_query(petition).where(Signature.party == literal_column("'person'"))
    query = query.where(words_of_name.op("@@")(func.to_tsquery(literal_column("'simple'"), pattern))).limit(PAGE_SIZE)
    found = [to_signatory(row, petition) for row in read_replica.fetch_rows(query)]
    return sorted(found, key=lambda one: (sort_key(one.name), one.number))


def count_people(petition: Petition) -> int:
    """Return how many people the list has: a sum that the database keeps with the rows."""
    if petition.listing == Listing.NONE:
        return 0
    return int(read_replica.fetch_rows(LISTED_PEOPLE_SQL.bindparams(petition=petition.id))[0].people)
