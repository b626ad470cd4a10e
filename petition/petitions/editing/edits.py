"""Change a petition's texts and settings, and merge the changes of two people who edit it at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from petition.core import clock
from petition.core.edit_merge import Merge, compare, digest
from petition.core.exceptions import Conflict
from petition.core.optimistic_lock import EditConflict, require_version
from petition.petitions.editing import edit_form
from petition.petitions.lifecycle import build_petition, require_notice_to_open, unique_slug
from petition.petitions.models import Petition, PetitionState, PetitionText
from petition.petitions.validation import Document

MAX_AUDITED_VALUE_CHARACTERS = 80  # longer values are audited by their length and digest


@dataclass(frozen=True)
class FieldChange:
    """A field with its value before and after."""

    field: str
    before: str
    after: str


def keep_opening(
    petition: Petition, values: Mapping[str, str], base: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the values of a form, and their digests when it was opened, with the date of an opening since then.

    An opening is no edit, and that a petition opened once cannot be taken back: values without its date keep it.
    """
    if petition.state_now == PetitionState.DRAFT or values["opens"]:
        return dict(values), dict(base)
    opens = edit_form.values_from_petition(petition)["opens"]
    known = {"opens": digest(opens)} if base.get("opens") == digest("") else {}
    return {**values, "opens": opens}, {**base, **known}


def compare_edits(petition: Petition, base: Mapping[str, Any], mine: Mapping[str, str]) -> Merge | None:
    """Compare what is typed with what was saved meanwhile; returns None where nobody else saved anything.

    `base` has the digest of each field's value when the form was opened.
    """
    merge = compare(base, mine, edit_form.values_from_petition(petition), edit_form.FIELDS)
    return merge if merge.changed_by_them else None


def list_their_changes(merge: Merge | None) -> list[FieldChange]:
    """Return what somebody else changed, from what is typed to what they saved."""
    return [FieldChange(name, mine, theirs) for name, (mine, theirs) in merge.differences.items()] if merge else []


def resolve_edits(
    petition: Petition, values: Mapping[str, str], merge: Merge | None, *, version: str | None, resolution: str | None
) -> Mapping[str, str]:
    """Return the values to save. Raises `EditConflict` where somebody else saved and the editor has not chosen.

    `resolution` is the editor's choice: "together" for the merged values, anything else for theirs over the other's.
    """
    require_version(petition.version, version)
    if merge is not None and resolution is None:
        raise EditConflict
    return merge.merged_values if merge is not None and resolution == "together" else values


def plan_changes(petition: Petition, document: Document) -> list[FieldChange]:
    """Return what the document would change. Raises `Conflict` where the petition's state does not allow it."""
    if petition.state == PetitionState.ARCHIVED:
        raise Conflict({"form": _("An archived petition can no longer be changed.")})
    if document.fields["slug"] != petition.slug and petition.state_now != PetitionState.DRAFT:
        raise Conflict({"slug": _("This address is in use: emails and other websites link to it. Keep it.")})
    opens_at = document.fields["opens_at"]
    if petition.state_now != PetitionState.DRAFT and opens_at and opens_at > clock.now():
        raise Conflict({"opens": _("It has opened already: this date cannot lie in the future.")})
    before = edit_form.values_from_petition(petition)
    after = edit_form.values_from_petition(build_petition(document))
    return [FieldChange(name, before[name], after[name]) for name in edit_form.FIELDS if before[name] != after[name]]


def apply_document(petition: Petition, document: Document) -> None:
    """Save new settings and texts on a petition that the caller has locked. Flushes.

    Raises `SlugTaken`, and `NoticeMissing` for an opening date while there is no legal notice.
    """
    if petition.state_now == PetitionState.DRAFT:
        require_notice_to_open(document, petition.id)
    with unique_slug():
        for column, value in document.fields.items():
            setattr(petition, column, value)
        petition.version += 1
        texts = {text["language"]: text for text in document.texts}
        for language in set(petition.texts) - set(texts):
            del petition.texts[language]
        for language, text in texts.items():
            if language in petition.texts:
                if petition.texts[language].consent != text["consent"]:
                    petition.texts[language].consent_version = petition.version
                for field in edit_form.TEXT_FIELDS:
                    setattr(petition.texts[language], field, text[field])
            else:
                petition.texts[language] = PetitionText(**text, consent_version=petition.version)


def summarise_for_audit(changes: list[FieldChange]) -> tuple[dict[str, str], dict[str, str]]:
    """Return before and after for the audit trail: short values as they are, long ones by their length and digest."""

    def summarise(value: str) -> str:
        if len(value) <= MAX_AUDITED_VALUE_CHARACTERS:
            return value
        return f"{len(value)} characters, {digest(value)}"

    return (
        {change.field: summarise(change.before) for change in changes},
        {change.field: summarise(change.after) for change in changes},
    )
