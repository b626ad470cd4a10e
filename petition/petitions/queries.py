"""Queries for petitions."""

from collections.abc import Iterable

from sqlalchemy import select

from petition.core.cache import get_or_create
from petition.core.db import db, read_detached
from petition.core.exceptions import NotFound
from petition.petitions.models import Petition, PetitionState
from petition.petitions.validation import SLUG_PATTERN


def find_by_slug(slug: str, *, lock: bool = False) -> Petition:
    """Return the petition with this address. Raises `Gone`.

    `lock`: whoever means to change it has it alone, as it is now, until the end of the transaction.
    """
    query = select(Petition).where(Petition.slug == slug)
    if lock:
        # NO KEY UPDATE: signing, which only needs the petition to stay, goes on meanwhile.
        query = query.with_for_update(of=Petition, key_share=True).execution_options(populate_existing=True)
    # What cannot be a slug is not asked for: PostgreSQL refuses some characters outright.
    petition = db.session.scalar(query) if SLUG_PATTERN.fullmatch(slug) else None
    if petition is None:
        raise NotFound({"slug": f"there is no petition {slug!r}"})
    return petition


def get_cached(slug: str) -> Petition:
    """Return the petition with this address as this process last read it, for whoever only reads. Raises `Gone`."""
    if not SLUG_PATTERN.fullmatch(slug):
        raise NotFound({"slug": f"there is no petition {slug!r}"})

    found: list[Petition] = get_or_create(
        ("petition", slug), lambda: read_detached(select(Petition).where(Petition.slug == slug))
    )
    if not found:
        raise NotFound({"slug": f"there is no petition {slug!r}"})
    return found[0]


def get_cached_by_ids(ids: Iterable[int]) -> dict[int, Petition]:
    """Return petitions by their ids, as this process last read them, for whoever only reads."""
    wanted = frozenset(ids)
    query = select(Petition).where(Petition.id.in_(wanted))
    found: list[Petition] = get_or_create(("petitions", wanted), lambda: read_detached(query)) if wanted else []
    return {petition.id: petition for petition in found}


def list_all() -> list[Petition]:
    """Return all petitions, newest first."""
    return list(db.session.scalars(select(Petition).order_by(Petition.id.desc())))


def list_public() -> list[Petition]:
    """Return the petitions that strangers may see: open ones first, then closed ones, newest first."""
    shown = [petition for petition in list_all() if petition.state_now in (PetitionState.OPEN, PetitionState.CLOSED)]
    return sorted(shown, key=lambda petition: petition.state_now != PetitionState.OPEN)
