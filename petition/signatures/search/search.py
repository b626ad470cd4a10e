"""The one search of signatures, used by desk, commands, exports and bulk actions. Newest first, in bounded time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.pagination import Page, make_page, select_page
from petition.signatures.models import Signature
from petition.signatures.search.filters import Filter
from petition.signatures.search.queries import QUERY_SETTINGS_SQL, build_conditions, query_id_bounds

PAGE_SIZE = 50  # rows
MAX_COUNTED_ROWS = 1000  # a page says "more than" beyond
STATEMENT_TIMEOUT = "6s"  # of each statement of a search
QUERY_CANCELED = "57014"  # SQLSTATE of a statement that reached its timeout


class SearchTimeout(DomainError):
    """A filter that would read most of the table."""

    def __init__(self) -> None:
        advice = _("This would take too long. Please narrow it: a petition, a state, a day, or more letters of a name.")
        super().__init__({"form": advice})


@dataclass(frozen=True)
class SearchPage(Page[Signature]):
    """A page of signatures, newest first; `total` is None for more than `MAX_COUNTED_ROWS`."""

    total: int | None


def search(criteria: Filter, cursor: int | None = None, limit: int = PAGE_SIZE) -> SearchPage:
    """Return a page of the signatures that a filter finds, those below the cursor. Raises `SearchTimeout`."""
    with statement_timeout(STATEMENT_TIMEOUT):
        conditions = build_conditions(criteria)
        found = db.session.scalars(select(Signature.id).where(*conditions).limit(MAX_COUNTED_ROWS + 1)).all()
        if len(found) <= MAX_COUNTED_ROWS:
            # All ids are known, so the page is read by primary key: there is no bad plan to choose.
            ids = sorted((number for number in found if cursor is None or number < cursor), reverse=True)[: limit + 1]
            query = select(Signature).where(Signature.id.in_(ids))
        else:
            query = select(Signature).where(*conditions, *query_id_bounds(criteria))
        rows = db.session.scalars(select_page(query, Signature.id, cursor=cursor, limit=limit)).all()
    page = make_page(rows, limit, key=lambda signature: signature.id)
    return SearchPage(page.items, page.next, len(found) if len(found) <= MAX_COUNTED_ROWS else None)


@contextmanager
def statement_timeout(timeout: str) -> Iterator[None]:
    """Plan and time-limit each statement of the transaction for a search; `timeout` is a PostgreSQL interval.

    Raises `SearchTimeout`, with the transaction rolled back, for a statement that took longer.
    """
    try:
        db.session.execute(QUERY_SETTINGS_SQL, {"timeout": timeout})
        yield
    except OperationalError as error:
        db.session.rollback()
        if getattr(error.orig, "sqlstate", None) != QUERY_CANCELED:
            raise
        raise SearchTimeout from None
