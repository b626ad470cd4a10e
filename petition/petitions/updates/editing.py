"""Write, publish, take back and delete a petition's updates."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from flask_babel import format_decimal
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import Conflict, NotFound, ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.ids import is_id
from petition.core.optimistic_lock import require_version
from petition.core.text import is_printable_line, is_printable_text
from petition.petitions.markdown import find_footnotes
from petition.petitions.models import Petition
from petition.petitions.updates.models import UPDATE_KINDS, PetitionUpdate
from petition.petitions.validation import footnote_message

MAX_UPDATES = 200  # of one petition, which are read as a whole
MAX_TITLE_CHARACTERS, MAX_BODY_CHARACTERS, MAX_URL_CHARACTERS = 200, 30_000, 500
FIELDS = ("kind", "happened_on", "source_url", *(f"{code}.{part}" for code in LANGUAGES for part in ("title", "body")))


def read_values(form: Mapping[str, str]) -> dict[str, str]:
    """Return the submitted value of each field, with line ends as \\n and without surrounding white space."""
    return {
        name: form.get(name, "").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip() for name in FIELDS
    }


def values_from_update(update: PetitionUpdate) -> dict[str, str]:
    """Return the form's values for an update."""
    values = dict.fromkeys(FIELDS, "") | {
        "kind": update.kind, "happened_on": update.happened_on.isoformat(), "source_url": update.source_url or "",
    }  # fmt: skip
    for language, text in update.texts.items():
        values |= {f"{language}.{part}": value for part, value in text.items()}
    return values


def parse_values(values: Mapping[str, str], *, unfinished: bool) -> dict[str, Any]:
    """Return the columns of an update. Raises `ValidationError` with every field that is wrong.

    `unfinished`: of a draft, which needs a title in one language; what is public has a text under each title.
    """
    errors: dict[str, str] = {}
    if values["kind"] not in UPDATE_KINDS:
        errors["kind"] = _("Please choose one of these.")
    happened_on = _parse_day(values["happened_on"])
    if happened_on is None:
        errors["happened_on"] = _("Give a day that is not in the future, such as 2026-11-23.")
    source = values["source_url"]
    if source and not _is_web_address(source):
        errors["source_url"] = _("Give a web address that begins with https:// or http://.")
    texts = {}
    for language in LANGUAGES:
        text = {"title": values[f"{language}.title"], "body": values[f"{language}.body"]}
        if any(text.values()):
            texts[language] = text
            errors |= {f"{language}.{part}": message for part, message in _find_errors(text, unfinished).items()}
    if not texts:
        errors[f"{next(iter(LANGUAGES))}.title"] = _("Give a title in at least one language.")
    if errors:
        raise ValidationError(errors)
    return {"kind": values["kind"], "happened_on": happened_on, "source_url": source or None, "texts": texts}


def _parse_day(written: str) -> date | None:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    # The day has begun somewhere before it has in UTC.
    return day if date(1900, 1, 1) <= day <= clock.now().date() or (day - clock.now().date()).days == 1 else None


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    printable = is_printable_line(address) and not any(c.isspace() or c in '<>"' for c in address)
    return (
        printable and len(address) <= MAX_URL_CHARACTERS and parts.scheme in ("http", "https") and bool(parts.hostname)
    )


def _find_errors(text: Mapping[str, str], unfinished: bool) -> dict[str, str]:
    errors = {}
    title, body = text["title"], text["body"]
    if not title or len(title) > MAX_TITLE_CHARACTERS or not is_printable_line(title):
        errors["title"] = _("Give a title of one line, in up to %(number)s characters.", number=MAX_TITLE_CHARACTERS)
    if (not body and not unfinished) or len(body) > MAX_BODY_CHARACTERS or not is_printable_text(body):
        errors["body"] = _(
            "Write the text, in up to %(number)s characters.", number=format_decimal(MAX_BODY_CHARACTERS)
        )
    elif lines := find_footnotes(body):
        errors["body"] = _("line %(line)s: %(advice)s", line=lines[0], advice=footnote_message())
    return errors


def create(petition: Petition, values: Mapping[str, str], *, publish: bool) -> PetitionUpdate:
    """Write an update, as a draft or published. Flushes. Raises `ValidationError`."""
    columns = parse_values(values, unfinished=not publish)
    if len(list_updates(petition)) >= MAX_UPDATES:
        raise ValidationError({"form": _("There are %(number)s already: delete one first.", number=MAX_UPDATES)})
    now = clock.now()
    update = PetitionUpdate(
        petition_id=petition.id, changed_at=now, published_at=now if publish else None, **columns
    )  # fmt: skip
    db.session.add(update)
    db.session.flush()
    return update


def edit(update: PetitionUpdate, values: Mapping[str, str], version: str | None, *, publish: bool) -> None:
    """Save what was written over the version it was made from, and publish it if asked. Flushes.

    What is published stays so. Raises `EditConflict`, `ValidationError`. The caller has locked the update.
    """
    require_version(update.version, version)
    publish = publish or update.published_at is not None
    for name, value in parse_values(values, unfinished=not publish).items():
        setattr(update, name, value)
    update.changed_at = clock.now()
    if publish and update.published_at is None:
        update.published_at = update.changed_at
    update.version += 1
    db.session.flush()


def take_back(update: PetitionUpdate) -> None:
    """Make a published update a draft again. Flushes."""
    update.published_at = None
    update.version += 1
    db.session.flush()


def delete(update: PetitionUpdate) -> None:
    """Delete a draft. Flushes. Raises `Conflict` for what is published. The caller has locked the update."""
    if update.published_at is not None:
        raise Conflict({"form": _("It is published: take it back first.")})
    db.session.delete(update)
    db.session.flush()


def find_update(petition: Petition, update_id: int, *, lock: bool = False) -> PetitionUpdate:
    """Return an update of a petition. Raises `NotFound`."""
    query = select(PetitionUpdate).where(PetitionUpdate.id == update_id, PetitionUpdate.petition_id == petition.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query) if is_id(update_id) else None
    if found is None:
        raise NotFound({"update": "there is no such update"})
    return found


def list_updates(petition: Petition) -> list[PetitionUpdate]:
    """Return a petition's updates, drafts too: the latest day first, of one day the one written last."""
    query = select(PetitionUpdate).where(PetitionUpdate.petition_id == petition.id)
    order = (PetitionUpdate.happened_on.desc(), PetitionUpdate.id.desc())
    return list(db.session.scalars(query.order_by(*order)))
