"""The public list of signatories who agreed to be named: people page by page, organisations as one block.

A name that has to be read first is listed once the team approved it (`review/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, select

from petition.core import read_replica
from petition.core.ids import MAX_ID
from petition.core.languages.collation import SortKey, sort_key
from petition.core.pagination import Page, make_page, parse_cursor, select_page
from petition.petitions.models import Listing, Petition
from petition.signatures.models import IS_LISTED, Party, Signature
from petition.signatures.review.own_domain import is_own_domain

PAGE_SIZE = 100
PREVIEW_SIZE = 12  # shown under the letter
MAX_ORGANISATIONS = 500  # in one block


@dataclass(frozen=True)
class Signatory:
    """What the public may know of one signatory."""

    party: str
    name: str
    profession: str | None
    organisation: str | None
    confirmed_on: date
    number: int  # in the list: what a reader's report of the name is about
    logo_text: str | None = None  # of an organisation: shown in the block of organisations in place of its name
    has_own_domain: bool = False  # of an organisation: it confirmed from an address at a domain of its name


def list_signatories(
    petition: Petition, after: str | None = None, limit: int = PAGE_SIZE, party: str | None = None
) -> Page[Signatory]:
    """Return a page of the public list, newest first; a page costs the same however far down the list it is.

    `after` is the cursor of the previous page. Raises `ValidationError` for anything that is not a cursor.
    """
    if petition.listing == Listing.NONE:
        return Page([], None)
    query = listed_query(petition)
    if party:
        query = query.where(Signature.party == party)
    query = select_page(query, Signature.confirmed_no, cursor=parse_cursor(after, "after"), limit=limit)
    page = make_page(read_replica.fetch_rows(query), limit, lambda row: int(row.confirmed_no))
    return Page([to_signatory(row, petition) for row in page.items], page.next)


def list_organisations(petition: Petition, limit: int = MAX_ORGANISATIONS) -> list[Signatory]:
    """Return the organisations that agreed to be named: those that the team put in order, then the others by name."""
    if petition.listing == Listing.NONE:
        return []
    query = listed_query(petition).where(Signature.party == Party.ORGANISATION)
    query = query.add_columns(Signature.list_position)
    order = (Signature.list_position.nulls_last(), Signature.organisation, Signature.confirmed_no)
    rows = read_replica.fetch_rows(query.order_by(*order).limit(limit))
    return [to_signatory(row, petition) for row in sorted(rows, key=_organisation_order)]


def _organisation_order(row: Row[Any]) -> tuple[bool, int, SortKey, int]:
    return row.list_position is None, row.list_position or 0, sort_key(row.organisation), row.confirmed_no


def find_signatory(petition: Petition, number: int) -> Signatory | None:
    """Return the entry of the public list with a number, if it is listed."""
    if petition.listing == Listing.NONE or number > MAX_ID:
        return None
    rows = read_replica.fetch_rows(listed_query(petition).where(Signature.confirmed_no == number))
    return to_signatory(rows[0], petition) if rows else None


def preview_signatories(petition: Petition) -> tuple[Sequence[Signatory], list[Signatory], bool]:
    """Return what is shown under the letter: the latest people, the organisations, whether there are more people."""
    page = list_signatories(petition, limit=PREVIEW_SIZE, party=Party.PERSON)
    return page.items, list_organisations(petition), page.next is not None


def listed_query(petition: Petition) -> Select[Any]:
    """Return the query of a petition's public list, in no order."""
    columns: Sequence[Any] = (
        Signature.party, Signature.name, Signature.profession, Signature.organisation, Signature.confirmed_at,
        Signature.confirmed_no, Signature.logo_text, Signature.email_canonical,
    )  # fmt: skip
    return select(*columns).where(Signature.petition_id == petition.id, IS_LISTED)


def to_signatory(row: Row[Any], petition: Petition) -> Signatory:
    """Return what the public may know of a row of the list."""
    confirmed_on = row.confirmed_at.astimezone(ZoneInfo(petition.timezone)).date()
    return Signatory(
        row.party, row.name, row.profession, row.organisation, confirmed_on, row.confirmed_no, row.logo_text,
        has_own_domain=row.party == Party.ORGANISATION and is_own_domain(row.organisation, row.email_canonical),
    )  # fmt: skip
