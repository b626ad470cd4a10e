"""Saved searches: kept for a day and addressed by number, so that no name appears in an address bar."""

from datetime import timedelta

from sqlalchemy import delete

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.ids import find_by_id
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.models import SavedSearch

SAVED_SEARCH_TTL = timedelta(days=1)


def save_search(criteria: Filter, account_id: int) -> SavedSearch:
    """Save a search for an account. Flushes."""
    saved = SavedSearch(account_id=account_id, filter=criteria.criteria())
    db.session.add(saved)
    db.session.flush()
    return saved


def get_saved_search(search_id: int, account_id: int) -> Filter:
    """Return a search that this account saved. Raises `NotFound` for another account's, or once expired."""
    saved = find_by_id(SavedSearch, search_id)
    if saved is None or saved.account_id != account_id or saved.created_at < clock.now() - SAVED_SEARCH_TTL:
        raise NotFound({"search": "there is no such search any more: search again"})
    return parse_filter(saved.filter)


def delete_expired_searches() -> None:
    """Delete expired searches. Flushes, does not commit."""
    expired = SavedSearch.created_at < clock.now() - SAVED_SEARCH_TTL
    db.session.execute(delete(SavedSearch).where(expired).execution_options(synchronize_session=False))
