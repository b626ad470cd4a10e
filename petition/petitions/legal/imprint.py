"""The legal notice of the site and of petitions; without one, no petition is opened on a public site."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import format_decimal
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core import clock
from petition.core.cache import get_or_create
from petition.core.db import db, read_detached
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.optimistic_lock import require_version
from petition.core.text import is_printable_text
from petition.core.web.trusted_hosts import is_loopback
from petition.petitions.legal.models import WHOLE_SITE as WHOLE_SITE
from petition.petitions.legal.models import LegalNotice
from petition.petitions.markdown import find_footnotes
from petition.petitions.validation import footnote_message

MAX_CHARACTERS = {"publisher": 200, "address": 500, "contact": 300, "director": 200, "host": 600}
MAX_TEXT_CHARACTERS = 30_000
TEXT_PARTS = ("legal", "privacy")
FIELDS = (*MAX_CHARACTERS, *(f"{language}.{part}" for language in LANGUAGES for part in TEXT_PARTS))


def is_required() -> bool:
    """Return whether this site is a public one: its address names another machine than the reader's own."""
    return not is_loopback(urlsplit(current_app.config["PUBLIC_URL"]).hostname)


def is_missing(petition_id: int) -> bool:
    """Return whether a petition may not be public: the site is, and neither it nor the site has a legal notice."""
    if not is_required():
        return False
    query = select(LegalNotice.petition_id).where(LegalNotice.petition_id.in_((petition_id, WHOLE_SITE)))
    return db.session.scalar(query.limit(1)) is None


def missing_message() -> str:
    """Return why a petition may not be public yet, and what to do."""
    return _(
        "The legal notice is missing: who publishes, and what becomes of data. Write it under “Legal notice” at the "
        "desk, or with: petition petitions notice FILE.md"
    )


def find_notice(petition_id: int, *, lock: bool = False) -> LegalNotice | None:
    """Return the notice of a petition itself, or of the site."""
    query = select(LegalNotice).where(LegalNotice.petition_id == petition_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(query)


def find_public_notice(petition_id: int) -> LegalNotice | None:
    """Return the notice that stands for a petition, from the cache: its own, or that of the site."""
    query = select(LegalNotice).where(LegalNotice.petition_id.in_((petition_id, WHOLE_SITE)))
    newest_number = query.order_by(LegalNotice.petition_id.desc()).limit(1)
    found: list[LegalNotice] = get_or_create(("legal notice", petition_id), lambda: read_detached(newest_number))
    return found[0] if found else None


def read_values(form: Mapping[str, str]) -> dict[str, str]:
    """Return the submitted value of each field, with line ends as \\n and without surrounding white space."""
    return {
        name: form.get(name, "").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip() for name in FIELDS
    }


def values_from_notice(notice: LegalNotice) -> dict[str, str]:
    """Return the form's values for a notice."""
    values = dict.fromkeys(FIELDS, "") | {name: getattr(notice, name) for name in MAX_CHARACTERS}
    for language, text in notice.texts.items():
        values |= {f"{language}.{part}": text.get(part, "") for part in TEXT_PARTS}
    return values


def parse_values(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of a notice. Raises `ValidationError` with every field that is wrong."""
    errors: dict[str, str] = {}
    for name, most in MAX_CHARACTERS.items():
        value = values[name]
        if not value or len(value) > most or not is_printable_text(value):
            errors[name] = _("Fill this in, in up to %(number)s characters.", number=most)
    texts = {}
    for language in LANGUAGES:
        text = {part: values[f"{language}.{part}"] for part in TEXT_PARTS}
        if any(text.values()):
            texts[language] = text
            errors |= {f"{language}.{part}": message for part, message in _find_errors(text).items()}
    if not texts:
        message = _("Write what becomes of signers’ data, in at least one language.")
        errors[f"{next(iter(LANGUAGES))}.privacy"] = message
    if errors:
        raise ValidationError(errors)
    return {**{name: values[name] for name in MAX_CHARACTERS}, "texts": texts}


def _find_errors(text: Mapping[str, str]) -> dict[str, str]:
    errors = {}
    for part, value in text.items():
        if len(value) > MAX_TEXT_CHARACTERS or not is_printable_text(value) or (part == "privacy" and not value):
            errors[part] = _(
                "Write the text, in up to %(number)s characters.", number=format_decimal(MAX_TEXT_CHARACTERS)
            )
        elif lines := find_footnotes(value):
            errors[part] = _("line %(line)s: %(advice)s", line=lines[0], advice=footnote_message())
    return errors


def save(petition_id: int, values: Mapping[str, str], version: str | None = None) -> LegalNotice:
    """Write the notice of a petition or of the site over the version that it was made from. Flushes.

    Without a version it replaces whatever there is, as a command does. Raises `EditConflict`, `ValidationError`.
    """
    columns = parse_values(values)
    notice = find_notice(petition_id, lock=True)
    if version is not None:
        require_version(notice.version if notice else "", version)
    if notice is None:
        notice = LegalNotice(petition_id=petition_id, changed_at=clock.now(), **columns)
        db.session.add(notice)
    else:
        for name, value in columns.items():
            setattr(notice, name, value)
        notice.changed_at = clock.now()
        notice.version += 1
    db.session.flush()
    return notice
