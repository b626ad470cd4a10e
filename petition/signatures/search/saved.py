"""Searches of the team, kept for a day under a number, so that no name stands in an address bar."""

from datetime import timedelta

from sqlalchemy import delete

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.signatures.models import SavedSearch
from petition.signatures.search.filters import Filter, parse_filter

SAVED_SEARCH_TTL = timedelta(days=1)


def save_search(which: Filter, account_id: int) -> SavedSearch:
    """Keep a search for the one who asked. Flushes."""
    kept = SavedSearch(account_id=account_id, filter=which.criteria())
    db.session.add(kept)
    db.session.flush()
    return kept


def get_saved_search(search_id: int, account_id: int) -> Filter:
    """Return a search that this account kept. Raises `Gone` for another's, or after a day."""
    found = db.session.get(SavedSearch, search_id) if search_id < 2**63 else None
    if found is None or found.account_id != account_id or found.created_at < clock.now() - SAVED_SEARCH_TTL:
        raise NotFound({"search": "there is no such search any more: ask again"})
    return parse_filter(found.filter)


def delete_expired_searches() -> None:
    """Drop the searches of yesterday. Flushes, does not commit."""
    old = SavedSearch.created_at < clock.now() - SAVED_SEARCH_TTL
    db.session.execute(delete(SavedSearch).where(old).execution_options(synchronize_session=False))
