"""A petition's life: draft, open, closed, archived."""

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions.file_parser import Document
from petition.petitions.models import Petition, PetitionState, PetitionText


def create(document: Document) -> Petition:
    """Make a draft from a document. Flushes. Raises `Refusal` when its address is taken."""
    if db.session.scalar(select(Petition.id).where(Petition.slug == document.fields["slug"])):
        raise ValidationError({"slug": f"there is already a petition {document.fields['slug']!r}: choose another slug"})
    petition = Petition(**document.fields, state=PetitionState.DRAFT)
    petition.texts = {text["language"]: PetitionText(**text) for text in document.texts}
    db.session.add(petition)
    db.session.flush()
    return petition


def open_(petition: Petition) -> None:
    """Let people sign, now, until its closing date if it has one. Raises `Refusal` if it cannot be opened."""
    if petition.state == PetitionState.ARCHIVED:
        raise ValidationError({"state": "an archived petition cannot be opened again"})
    if petition.closes_at and petition.closes_at <= clock.now():
        raise ValidationError({"closes": "its closing date has passed: remove it or choose a later one first"})
    petition.state, petition.closed_at = PetitionState.OPEN, None
    _increment_version(petition)


def close(petition: Petition) -> None:
    """Stop signing, now; links sent before still work for a day. Raises `Refusal` unless it is open."""
    if petition.state_now != PetitionState.OPEN:
        raise ValidationError({"state": f"only an open petition can be closed; this one is {petition.state_now}"})
    petition.state, petition.closed_at = PetitionState.CLOSED, clock.now()
    _increment_version(petition)


def archive(petition: Petition) -> None:
    """Take a closed petition out of public view. Raises `Refusal` unless it is closed."""
    if petition.state_now != PetitionState.CLOSED:
        raise ValidationError({"state": f"only a closed petition can be archived; this one is {petition.state_now}"})
    petition.closed_at = petition.closing_moment
    petition.state = PetitionState.ARCHIVED
    _increment_version(petition)


def _increment_version(petition: Petition) -> None:
    # By the database, as whoever acts from a terminal has not locked the row.
    petition.version = Petition.version + 1
    db.session.flush()
