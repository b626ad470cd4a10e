"""Create, open, close and archive a petition."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import DateTime, select
from sqlalchemy.exc import IntegrityError

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import Conflict, InvalidTransition, TakenDown
from petition.petitions.editing import edit_form
from petition.petitions.field_parsers import MAX_SLUG_CHARACTERS
from petition.petitions.legal import imprint
from petition.petitions.models import Petition, PetitionState, PetitionText
from petition.petitions.queries import COPY_IMAGES_SQL
from petition.petitions.validation import Document

SLUG_CONSTRAINT = "uq_petitions_slug"
NOT_COPIED = {
    "id", "slug", "state", "version", "draft_link_generation", "has_partners", "attacked_since", "attacked_until",
    "disposable_checked_at",
}  # fmt: skip
MAX_COPIED_SLUG_CHARACTERS = MAX_SLUG_CHARACTERS - 5  # a hyphen and a number follow


class Incomplete(InvalidTransition):
    """A draft that lacks what a public petition needs: `errors` by field."""


class NoticeMissing(Incomplete):
    """Nobody answers for the petition yet: a public site needs a legal notice before anything on it is public."""

    def __init__(self, field: str = "legal") -> None:
        super().__init__({field: imprint.missing_message()})


class PetitionArchived(TakenDown):
    """The petition was public once, and is archived."""

    def __init__(self, petition: Petition) -> None:
        super().__init__({"slug": _("This is archived: its text and its names are no longer shown here.")})
        self.petition = petition


class SlugTaken(Conflict):
    """Another petition has this address."""

    def __init__(self) -> None:
        super().__init__({"slug": _("Another petition has this address already.")})


@contextmanager
def unique_slug() -> Iterator[None]:
    """Flush the changes of a block in a savepoint. Raises `SlugTaken`, undoing the block, where the slug is not free.

    The unique constraint decides, so that two requests at the same moment get the same answer as two in turn.
    """
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) != SLUG_CONSTRAINT:
            raise
        raise SlugTaken from None


def find_free_slug(proposed: str) -> str:
    """Return an address that was made of a title, with a number behind it where another petition has it."""
    taken = set(db.session.scalars(select(Petition.slug).where(Petition.slug.startswith(proposed, autoescape=True))))
    candidates = (proposed, *(f"{proposed}-{number}" for number in range(2, len(taken) + 3)))
    return next(slug for slug in candidates if slug not in taken)


def build_petition(document: Document) -> Petition:
    """Return the draft that a document describes, in no session yet."""
    petition = Petition(**document.fields, state=PetitionState.DRAFT)
    petition.texts = {text["language"]: PetitionText(**text, consent_version=1) for text in document.texts}
    return petition


def create(document: Document) -> Petition:
    """Create a draft from a document. Flushes. Raises `SlugTaken`, `NoticeMissing`."""
    petition = build_petition(document)
    require_notice_to_open(document, imprint.WHOLE_SITE)
    with unique_slug():
        db.session.add(petition)
    return petition


def duplicate(petition: Petition) -> Petition:
    """Create a draft with the settings, texts and images of a petition, and nothing of what happened to it. Flushes."""
    copy = Petition(**_copy_columns(petition, NOT_COPIED), state=PetitionState.DRAFT)
    copy.slug = find_free_slug(petition.slug[:MAX_COPIED_SLUG_CHARACTERS].rstrip("-"))
    copy.texts = {
        language: PetitionText(**_copy_columns(text, {"petition_id", "consent_version"}), consent_version=1)
        for language, text in petition.texts.items()
    }
    with unique_slug():
        db.session.add(copy)
    db.session.execute(COPY_IMAGES_SQL, {"source": petition.id, "copy": copy.id})
    return copy


def _copy_columns(row: Petition | PetitionText, left_out: set[str]) -> dict[str, Any]:
    """Return the values of a row but for those of some columns, and for moments: they are about what happened."""
    names = [
        column.key
        for column in row.__mapper__.columns
        if column.key not in left_out and not isinstance(column.type, DateTime)
    ]
    return {name: getattr(row, name) for name in names}


def require_notice_to_open(document: Document, petition_id: int) -> None:
    """Refuse a document that would open by itself while there is no legal notice. Raises `NoticeMissing`."""
    if document.fields.get("opens_at") and imprint.is_missing(petition_id):
        raise NoticeMissing("opens")


def open_(petition: Petition) -> None:
    """Open for signing now, until its closing date if it has one.

    Raises `InvalidTransition`, `Incomplete`, `NoticeMissing`.
    """
    if petition.state == PetitionState.ARCHIVED:
        raise InvalidTransition({"state": _("An archived petition cannot be opened: put it back online first.")})
    if petition.anonymised_at:
        advice = _("Its signers’ names and addresses are erased: who signed it once could sign it again.")
        raise InvalidTransition({"state": advice})
    if petition.closes_at and petition.closes_at <= clock.now():
        raise InvalidTransition({"closes": _("Its closing date has passed: remove it or choose a later one first.")})
    if missing := edit_form.find_missing(petition):
        raise Incomplete({field: _("This is still missing.") for field in missing})
    if imprint.is_missing(petition.id):
        raise NoticeMissing
    if petition.state == PetitionState.DRAFT and (petition.opens_at is None or petition.opens_at > clock.now()):
        petition.opens_at = clock.now().replace(second=0, microsecond=0)  # as the form has it
    petition.state, petition.closed_at = PetitionState.OPEN, None
    _increment_version(petition)


def close(petition: Petition) -> None:
    """Close for signing now; links sent before still work for a day. Raises `InvalidTransition` unless it is open."""
    if petition.state_now != PetitionState.OPEN:
        raise InvalidTransition({"state": _("Only an open petition can be closed.")})
    petition.state, petition.closed_at = PetitionState.CLOSED, clock.now()
    _increment_version(petition)


def archive(petition: Petition) -> None:
    """Remove a closed petition from public view. Raises `InvalidTransition` unless it is closed."""
    if petition.state_now != PetitionState.CLOSED:
        raise InvalidTransition({"state": _("Only a closed petition can be archived.")})
    petition.closed_at = petition.closing_moment
    petition.state = PetitionState.ARCHIVED
    _increment_version(petition)


def restore(petition: Petition) -> None:
    """Make an archived petition public again, as closed. Raises `InvalidTransition` unless it is archived."""
    if petition.state != PetitionState.ARCHIVED:
        raise InvalidTransition({"state": _("Only an archived petition can be put back online.")})
    petition.state = PetitionState.CLOSED
    _increment_version(petition)


def mark_won(petition: Petition) -> None:
    """Record that what a petition asks for was granted, now. Raises `InvalidTransition` for a draft or twice."""
    if petition.state_now == PetitionState.DRAFT or petition.won_at is not None:
        raise InvalidTransition({"state": _("Only a petition that was open, and is not won yet, can be won.")})
    petition.won_at = clock.now()
    _increment_version(petition)


def unmark_won(petition: Petition) -> None:
    """Take back that a petition is won. Raises `InvalidTransition` unless it is."""
    if petition.won_at is None:
        raise InvalidTransition({"state": _("It is not marked as won.")})
    petition.won_at = None
    _increment_version(petition)


def list_possible_changes(petition: Petition) -> list[str]:
    """Return the changes of state that a petition allows now."""
    state = petition.state_now
    return [
        change
        for change, possible in (
            ("open", state in (PetitionState.DRAFT, PetitionState.CLOSED)),
            ("close", state == PetitionState.OPEN),
            ("won", state != PetitionState.DRAFT and petition.won_at is None),
            ("not-won", petition.won_at is not None),
            ("archive", state == PetitionState.CLOSED),
            ("restore", state == PetitionState.ARCHIVED),
        )
        if possible
    ]


def _increment_version(petition: Petition) -> None:
    # Computed by the database, as commands do not lock the row.
    petition.version = Petition.version + 1
    db.session.flush()
