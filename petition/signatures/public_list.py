"""The public list: those who agreed to be named, organisations apart, page by page at any length."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import select

from petition.core import read_replica
from petition.core.exceptions import ValidationError
from petition.petitions.models import Petition
from petition.signatures.models import Party, Signature, SignatureState

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
    logo_text: str | None = None  # of an organisation, shown in its block in place of the name


@dataclass(frozen=True)
class Page:
    """Some signatories, newest first, and the cursor of those that follow, if any."""

    items: Sequence[Signatory]
    next: str | None


def list_signatories(
    petition: Petition, after: str | None = None, limit: int = PAGE_SIZE, party: str | None = None
) -> Page:
    """Return a page of the public list; a page costs the same however far down the list it is.

    Raises `Refusal` for a cursor that this list did not give out.
    """
    if petition.listing == "none":
        return Page([], None)
    query = _listed_query(petition).order_by(Signature.confirmed_no.desc()).limit(limit + 1)
    if party:
        query = query.where(Signature.party == party)
    if after is not None:
        query = query.where(Signature.confirmed_no < _parse_cursor(after))
    rows = read_replica.fetch_rows(query)
    following = str(rows[limit - 1].confirmed_no) if len(rows) > limit else None
    return Page([_to_signatory(row, petition) for row in rows[:limit]], following)


def list_organisations(petition: Petition, limit: int = MAX_ORGANISATIONS) -> list[Signatory]:
    """Return the organisations that agreed to be named: those that the team put in order, then the others by name."""
    if petition.listing == "none":
        return []
    query = _listed_query(petition).where(Signature.party == Party.ORGANISATION)
    order = (Signature.list_position.nulls_last(), Signature.organisation, Signature.confirmed_no)
    rows = read_replica.fetch_rows(query.order_by(*order).limit(limit))
    return [_to_signatory(row, petition) for row in rows]


def preview_signatories(petition: Petition) -> tuple[Sequence[Signatory], list[Signatory], bool]:
    """Return what stands under the letter: the latest people, the organisations, and whether there are more people."""
    page = list_signatories(petition, limit=PREVIEW_SIZE, party=Party.PERSON)
    return page.items, list_organisations(petition), page.next is not None


def _listed_query(petition: Petition):  # type: ignore[no-untyped-def]
    columns = (
        Signature.party, Signature.name, Signature.profession, Signature.organisation, Signature.confirmed_at,
        Signature.confirmed_no, Signature.logo_text,
    )  # fmt: skip
    # Listed, and not "listed IS TRUE", by which PostgreSQL does not find the partial index.
    return select(*columns).where(
        Signature.petition_id == petition.id, Signature.state == SignatureState.CONFIRMED, Signature.listed
    )


def _to_signatory(row, petition: Petition) -> Signatory:  # type: ignore[no-untyped-def]
    confirmed_on = row.confirmed_at.astimezone(ZoneInfo(petition.timezone)).date()
    return Signatory(row.party, row.name, row.profession, row.organisation, confirmed_on, row.logo_text)


def _parse_cursor(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise ValidationError({"after": "not a cursor of this list: start without `after`, then follow `next`"})
    return int(cursor)
