"""Change a petition's words and settings, knowing what changes and what somebody else changed meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.errors import Refusal
from petition.petitions import form
from petition.petitions.document import Document
from petition.petitions.models import ARCHIVED, DRAFT, Petition, PetitionText

AT_ONCE = 80  # characters of a value that the audit trail keeps as they are


@dataclass(frozen=True)
class Change:
    """A field with what it was and what it becomes."""

    field: str
    before: str
    after: str


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return the fields that differ, in the order of the form."""
    return [Change(name, before[name], after[name]) for name in form.FIELDS if before[name] != after[name]]


def planned(petition: Petition, document: Document) -> list[Change]:
    """Return what the document would change. Raises `Refusal` where it cannot be."""
    if petition.state == ARCHIVED:
        raise Refusal({"form": _("An archived petition is not changed any more.")})
    slug = document.fields["slug"]
    if slug != petition.slug and petition.state_now != DRAFT:
        raise Refusal({"slug": _("Its address is in use: emails and other sites lead there. Keep it.")})
    if slug != petition.slug:
        require_free(slug)
    return changes(form.values_of(petition), form.values_of(form.built(document)))


def require_free(slug: str) -> None:
    """Raise `Refusal` if a petition has this address."""
    if db.session.scalar(select(Petition.id).where(Petition.slug == slug)):
        raise Refusal({"slug": _("Another petition has this address already.")})


def edit(petition: Petition, document: Document) -> None:
    """Give a petition, locked by the caller, its new settings and texts. Flushes, does not commit."""
    for column, value in document.fields.items():
        setattr(petition, column, value)
    kept = {text["language"]: text for text in document.texts}
    for language in set(petition.texts) - set(kept):
        del petition.texts[language]
    for language, words in kept.items():
        if language in petition.texts:
            for word in form.WORDS:
                setattr(petition.texts[language], word, words[word])
        else:
            petition.texts[language] = PetitionText(**words)
    petition.version += 1
    db.session.flush()


@dataclass(frozen=True)
class Conflict:
    """Two people changed a petition at once: what the other one's version says, and how the two would go together."""

    theirs: list[Change]  # from what is typed to what they saved, where they changed something
    together: Mapping[str, str]
    both: list[str]  # fields that both changed, and not in the same way


def conflict(base: Mapping[str, Any], mine: Mapping[str, str], theirs: Mapping[str, str]) -> Conflict:
    """Compare what is typed with what somebody saved meanwhile; `base` has the digests of what both began with."""
    changed_by_them = [name for name in form.FIELDS if form.digest(theirs[name]) != base.get(name)]
    changed_by_me = {name for name in form.FIELDS if form.digest(mine[name]) != base.get(name)}
    together = {name: mine[name] if name in changed_by_me else theirs[name] for name in form.FIELDS}
    differing = [name for name in changed_by_them if mine[name] != theirs[name]]
    return Conflict(
        theirs=[Change(name, mine[name], theirs[name]) for name in differing],
        together=together,
        both=[name for name in differing if name in changed_by_me],
    )


def on_record(found: list[Change]) -> tuple[dict[str, str], dict[str, str]]:
    """Return before and after for the audit trail: short values as they are, texts by their length and digest."""

    def brief(value: str) -> str:
        if len(value) <= AT_ONCE:
            return value
        return f"{len(value)} characters, {form.digest(value)}"

    return {c.field: brief(c.before) for c in found}, {c.field: brief(c.after) for c in found}
