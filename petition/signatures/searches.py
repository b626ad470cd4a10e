"""Searches of the team, kept for a day under a number, so that no name stands in an address bar."""

from datetime import timedelta

from sqlalchemy import delete

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Gone
from petition.signatures.filters import Filter, read
from petition.signatures.models import SavedSearch

KEPT = timedelta(days=1)


def keep(which: Filter, account_id: int) -> SavedSearch:
    """Keep a search for the one who asked. Flushes."""
    kept = SavedSearch(account_id=account_id, filter=which.given())
    db.session.add(kept)
    db.session.flush()
    return kept


def kept(search_id: int, account_id: int) -> Filter:
    """Return a search that this account kept. Raises `Gone` for another's, or after a day."""
    found = db.session.get(SavedSearch, search_id) if search_id < 2**63 else None
    if found is None or found.account_id != account_id or found.created_at < clock.now() - KEPT:
        raise Gone({"search": "there is no such search any more: ask again"})
    return read(found.filter)


def forget_searches() -> None:
    """Drop the searches of yesterday. Flushes, does not commit."""
    old = SavedSearch.created_at < clock.now() - KEPT
    db.session.execute(delete(SavedSearch).where(old).execution_options(synchronize_session=False))
