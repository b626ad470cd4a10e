"""Those who may be named in a document, in alphabetical order: the conditions are the public list's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask_babel import gettext as _

from petition.core.languages.collation import sort_key
from petition.core.read_replica import consistent_session
from petition.petitions.models import Listing, Petition
from petition.petitions.presenter import PetitionPresenter
from petition.signatures.listing.public_list import listed_query
from petition.signatures.models import Party, Signature
from petition.signatures.search.queries import QUERY_SETTINGS_SQL

MAX_NAMES = 200_000  # some 1,500 pages
BATCH_SIZE = 2_000
STATEMENT_TIMEOUT_SECONDS = 60
MIN_NAMES_FOR_LETTERS = 60  # fewer people are one list, without a heading for each letter
MAX_PART_NAMES = 5_000  # of a document rendered at once: some 120 MB

Name = tuple[str, str | None]  # and the profession or role
Group = dict[str, object]  # a letter's heading, and its names


class TooManyNames(Exception):
    """A list that is too long for a document."""


@dataclass(frozen=True)
class Names:
    """The organisations, then the people, each in alphabetical order; other alphabets than the Latin one come last."""

    organisations: Sequence[str]
    people: Sequence[Name]

    def __len__(self) -> int:
        return len(self.organisations) + len(self.people)


def list_names(petition: Petition, presented: PetitionPresenter) -> Names:
    """Return who signed, agreed to be named and passed review, from one snapshot. Raises `TooManyNames`.

    Organisations that the team put in order come first in that order, as on the page. Nobody who asked to restrict the
    use of their data is named.
    """
    if petition.listing == Listing.NONE:
        return Names([], [])
    organisations: list[tuple[bool, int, str]] = []
    people: list[Name] = []
    query = listed_query(petition).where(Signature.restricted_at.is_(None))
    columns: Sequence[Any] = (
        Signature.party, Signature.name, Signature.profession, Signature.organisation, Signature.list_position,
    )  # fmt: skip
    query = query.with_only_columns(*columns)
    with consistent_session(STATEMENT_TIMEOUT_SECONDS) as session:
        session.execute(QUERY_SETTINGS_SQL, {"timeout": f"{STATEMENT_TIMEOUT_SECONDS}s"})
        rows = session.execute(query.limit(MAX_NAMES + 1), execution_options={"yield_per": BATCH_SIZE})
        for row in rows:
            if row.party == Party.ORGANISATION:
                organisations.append((row.list_position is None, row.list_position or 0, row.organisation))
            else:
                role = presented.printed_profession(row.profession).text if row.profession else None
                people.append((row.name, role))
    if len(organisations) + len(people) > MAX_NAMES:
        raise TooManyNames
    organisations.sort(key=lambda one: (one[0], one[1], sort_key(one[2])))
    people.sort(key=lambda one: (not _letter(one[0]), sort_key(one[0]), one[1] or ""))
    return Names([name for _unplaced, _position, name in organisations], people)


def split_people(people: Sequence[Name]) -> list[list[Group]]:
    """Return the people by letter, in parts that are rendered one by one: at least one part, each with whole letters.

    A letter with more names than a part holds is in several.
    """
    if len(people) < MIN_NAMES_FOR_LETTERS:
        return [[{"heading": None, "names": people}] if people else []]
    parts: list[list[Group]] = [[]]
    size = 0
    for group in _groups(people):
        if size and size + len(group[1]) > MAX_PART_NAMES:
            parts.append([])
            size = 0
        parts[-1].append({"heading": group[0], "names": group[1]})
        size += len(group[1])
    return parts


def _groups(people: Sequence[Name]) -> Iterator[tuple[str, list[Name]]]:
    for letter, names in groupby(people, key=lambda one: _letter(one[0])):
        found = list(names)
        for start in range(0, len(found), MAX_PART_NAMES):
            yield letter or _("Other alphabets"), found[start : start + MAX_PART_NAMES]


def _letter(name: str) -> str:
    first = sort_key(name)[0][:1]
    return first.upper() if "a" <= first <= "z" else ""
