"""Change a petition's words and settings, knowing what changes and what somebody else changed meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions import edit_form
from petition.petitions.file_parser import Document
from petition.petitions.models import Petition, PetitionState, PetitionText

MAX_AUDITED_VALUE_CHARACTERS = 80  # characters of a value that the audit trail keeps as they are


@dataclass(frozen=True)
class FieldChange:
    """A field with what it was and what it becomes."""

    field: str
    before: str
    after: str


def list_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[FieldChange]:
    """Return the fields that differ, in the order of the form."""
    return [FieldChange(name, before[name], after[name]) for name in edit_form.FIELDS if before[name] != after[name]]


def plan_changes(petition: Petition, document: Document) -> list[FieldChange]:
    """Return what the document would change. Raises `Refusal` where it cannot be."""
    if petition.state == PetitionState.ARCHIVED:
        raise ValidationError({"form": _("An archived petition is not changed any more.")})
    slug = document.fields["slug"]
    if slug != petition.slug and petition.state_now != PetitionState.DRAFT:
        raise ValidationError({"slug": _("Its address is in use: emails and other sites lead there. Keep it.")})
    if slug != petition.slug:
        require_slug_available(slug)
    return list_changes(
        edit_form.values_from_petition(petition), edit_form.values_from_petition(edit_form.build_petition(document))
    )


def require_slug_available(slug: str) -> None:
    """Raise `Refusal` if a petition has this address."""
    if db.session.scalar(select(Petition.id).where(Petition.slug == slug)):
        raise ValidationError({"slug": _("Another petition has this address already.")})


def apply_document(petition: Petition, document: Document) -> None:
    """Give a petition, locked by the caller, its new settings and texts. Flushes, does not commit."""
    for column, value in document.fields.items():
        setattr(petition, column, value)
    kept = {text["language"]: text for text in document.texts}
    for language in set(petition.texts) - set(kept):
        del petition.texts[language]
    for language, words in kept.items():
        if language in petition.texts:
            for word in edit_form.TEXT_FIELDS:
                setattr(petition.texts[language], word, words[word])
        else:
            petition.texts[language] = PetitionText(**words)
    petition.version += 1
    db.session.flush()


@dataclass(frozen=True)
class EditConflict:
    """Two people changed a petition at once: what the other one's version says, and how the two would go together."""

    their_changes: list[FieldChange]  # from what is typed to what they saved, where they changed something
    merged_values: Mapping[str, str]
    conflicting_fields: list[str]  # fields that both changed, and not in the same way


def detect_conflict(base: Mapping[str, Any], mine: Mapping[str, str], theirs: Mapping[str, str]) -> EditConflict:
    """Compare what is typed with what somebody saved meanwhile; `base` has the digests of what both began with."""
    changed_by_them = [name for name in edit_form.FIELDS if edit_form.digest(theirs[name]) != base.get(name)]
    changed_by_me = {name for name in edit_form.FIELDS if edit_form.digest(mine[name]) != base.get(name)}
    together = {name: mine[name] if name in changed_by_me else theirs[name] for name in edit_form.FIELDS}
    differing = [name for name in changed_by_them if mine[name] != theirs[name]]
    return EditConflict(
        their_changes=[FieldChange(name, mine[name], theirs[name]) for name in differing],
        merged_values=together,
        conflicting_fields=[name for name in differing if name in changed_by_me],
    )


def summarise_for_audit(found: list[FieldChange]) -> tuple[dict[str, str], dict[str, str]]:
    """Return before and after for the audit trail: short values as they are, texts by their length and digest."""

    def brief(value: str) -> str:
        if len(value) <= MAX_AUDITED_VALUE_CHARACTERS:
            return value
        return f"{len(value)} characters, {edit_form.digest(value)}"

    return {c.field: brief(c.before) for c in found}, {c.field: brief(c.after) for c in found}
