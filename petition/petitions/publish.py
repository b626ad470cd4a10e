"""A petition's life: draft, open, closed, archived."""

from collections.abc import Iterable

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db, read_apart
from petition.core.errors import Gone, Refusal
from petition.core.shelf import kept
from petition.petitions.document import Document
from petition.petitions.front_matter import SLUG
from petition.petitions.models import ARCHIVED, CLOSED, DRAFT, OPEN, Petition, PetitionText


def find(slug: str, *, lock: bool = False) -> Petition:
    """Return the petition with this address. Raises `Gone`.

    `lock`: whoever means to change it has it alone, as it is now, until the end of the transaction.
    """
    query = select(Petition).where(Petition.slug == slug)
    if lock:
        # NO KEY UPDATE: signing, which only needs the petition to stay, goes on meanwhile.
        query = query.with_for_update(of=Petition, key_share=True).execution_options(populate_existing=True)
    # What cannot be a slug is not asked for: PostgreSQL refuses some characters outright.
    petition = db.session.scalar(query) if SLUG.fullmatch(slug) else None
    if petition is None:
        raise Gone({"slug": f"there is no petition {slug!r}"})
    return petition


def known(slug: str) -> Petition:
    """Return the petition with this address as this process last read it, for whoever only reads. Raises `Gone`."""
    if not SLUG.fullmatch(slug):
        raise Gone({"slug": f"there is no petition {slug!r}"})

    found: list[Petition] = kept(("petition", slug), lambda: read_apart(select(Petition).where(Petition.slug == slug)))
    if not found:
        raise Gone({"slug": f"there is no petition {slug!r}"})
    return found[0]


def known_by_id(ids: Iterable[int]) -> dict[int, Petition]:
    """Return petitions by their ids, as this process last read them, for whoever only reads."""
    wanted = frozenset(ids)
    query = select(Petition).where(Petition.id.in_(wanted))
    found: list[Petition] = kept(("petitions", wanted), lambda: read_apart(query)) if wanted else []
    return {petition.id: petition for petition in found}


def every() -> list[Petition]:
    """Return all petitions, newest first."""
    return list(db.session.scalars(select(Petition).order_by(Petition.id.desc())))


def public() -> list[Petition]:
    """Return the petitions that strangers may see: open ones first, then closed ones, newest first."""
    shown = [petition for petition in every() if petition.state_now in (OPEN, CLOSED)]
    return sorted(shown, key=lambda petition: petition.state_now != OPEN)


def create(document: Document) -> Petition:
    """Make a draft from a document. Flushes. Raises `Refusal` when its address is taken."""
    if db.session.scalar(select(Petition.id).where(Petition.slug == document.fields["slug"])):
        raise Refusal({"slug": f"there is already a petition {document.fields['slug']!r}: choose another slug"})
    petition = Petition(**document.fields, state=DRAFT)
    petition.texts = {text["language"]: PetitionText(**text) for text in document.texts}
    db.session.add(petition)
    db.session.flush()
    return petition


def open_(petition: Petition) -> None:
    """Let people sign, now, until its closing date if it has one. Raises `Refusal` if it cannot be opened."""
    if petition.state == ARCHIVED:
        raise Refusal({"state": "an archived petition cannot be opened again"})
    if petition.closes_at and petition.closes_at <= clock.now():
        raise Refusal({"closes": "its closing date has passed: remove it or choose a later one first"})
    petition.state, petition.closed_at = OPEN, None
    _changed(petition)


def close(petition: Petition) -> None:
    """Stop signing, now; links sent before still work for a day. Raises `Refusal` unless it is open."""
    if petition.state_now != OPEN:
        raise Refusal({"state": f"only an open petition can be closed; this one is {petition.state_now}"})
    petition.state, petition.closed_at = CLOSED, clock.now()
    _changed(petition)


def archive(petition: Petition) -> None:
    """Take a closed petition out of public view. Raises `Refusal` unless it is closed."""
    if petition.state_now != CLOSED:
        raise Refusal({"state": f"only a closed petition can be archived; this one is {petition.state_now}"})
    petition.closed_at = petition.closing_moment
    petition.state = ARCHIVED
    _changed(petition)


def _changed(petition: Petition) -> None:
    # By the database, as whoever acts from a terminal has not locked the row.
    petition.version = Petition.version + 1
    db.session.flush()
