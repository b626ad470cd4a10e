"""The names that wait for the team, and those that readers reported: listed oldest first, counted up to a limit."""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import Select, select

from petition.core import cache
from petition.core.db import db
from petition.core.pagination import Page, make_page, select_page
from petition.petitions.models import Listing, Petition
from petition.signatures.models import NEEDS_REVIEW, Party, Signature
from petition.signatures.review.decisions import compute_fingerprint
from petition.signatures.review.models import NameReport
from petition.signatures.review.own_domain import is_own_domain
from petition.signatures.review.rules import Flag, find_flags

PAGE_SIZE = 50
MAX_COUNTED = 99
COUNT_TTL_SECONDS = 5.0


class NameToReview(NamedTuple):
    """A name on the list: why it is there, and what readers said of it."""

    signature: Signature
    flags: list[Flag]
    reports: dict[str, int]  # by reason
    has_own_domain: bool
    fingerprint: str


def list_names(cursor: int | None = None) -> Page[NameToReview]:
    """Return a page of the names to decide about, those confirmed first."""
    query = select_page(_to_review(select(Signature)), Signature.confirmed_no, cursor=cursor, limit=PAGE_SIZE,
                        descending=False)  # fmt: skip
    page = make_page(db.session.scalars(query).all(), PAGE_SIZE, lambda row: row.confirmed_no or 0)
    reports: dict[int, dict[str, int]] = defaultdict(dict)
    reported = [signature.id for signature in page.items if signature.reported_at]
    for row in db.session.scalars(select(NameReport).where(NameReport.signature_id.in_(reported))):
        reports[row.signature_id][row.reason] = row.reports
    return Page([_to_name(signature, reports[signature.id]) for signature in page.items], page.next)


def count_names() -> int:
    """Return how many names wait, up to `MAX_COUNTED` + 1; of some seconds ago, as it stands on every page."""
    return int(cache.get_or_create("names to review", _count, COUNT_TTL_SECONDS))


def navigation_count() -> str:
    """Return the number for the navigation, empty if there is none."""
    number = count_names()
    return f"{MAX_COUNTED}+" if number > MAX_COUNTED else str(number or "")


def _count() -> int:
    return len(db.session.execute(_to_review(select(Signature.id)).limit(MAX_COUNTED + 1)).all())


def _to_review(query: Select) -> Select:  # type: ignore[type-arg]
    """Return a query of names to review only: of petitions that list any, by the words of the partial index."""
    listing = select(Petition.id).where(Petition.listing != Listing.NONE)
    return query.where(NEEDS_REVIEW, Signature.petition_id.in_(listing))


def _to_name(signature: Signature, reports: dict[str, int]) -> NameToReview:
    return NameToReview(
        signature,
        find_flags(signature.party, signature.name, signature.profession),
        reports,
        signature.party == Party.ORGANISATION and is_own_domain(signature.organisation, signature.email_canonical),
        compute_fingerprint(signature),
    )
