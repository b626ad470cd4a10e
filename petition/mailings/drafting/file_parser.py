"""Read a mailing from a file: YAML front matter, then one Markdown section per language."""

from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.front_matter import FrontMatterFile, InvalidFile, parse_front_matter_file
from petition.core.i18n import LANGUAGES
from petition.core.text import is_printable_line
from petition.mailings.drafting.drafts import Draft, parse_draft, validate_body
from petition.petitions.models import Petition

SETTINGS = (
    "name", "petitions", "sender", "reply_to", "timezone", "public", "trigger",
    "trigger_value", "per_hour", "per_domain_hour", "warm_up",
    "undo_minutes", "failure_limit", "unsubscribe_limit", "party", "languages", "professions", "country", "city",
    "postal_code", "confirmed_from", "confirmed_until", "received", "not_received",
)  # fmt: skip


def parse_mailing(text: str) -> Draft:
    """Return the draft that a file describes. Raises `InvalidFile` with every error and its line.

    A section begins with `# fr: Subject`; lines that begin with `>` under it are the preview line, the others the text.
    """
    file = parse_front_matter_file(text)
    draft = _parse_draft(file) if file.settings else None
    if draft is None or file.problems:
        raise InvalidFile(file.problems)
    return draft


def _parse_draft(file: FrontMatterFile) -> Draft | None:
    file.require_known_settings(SETTINGS)
    form = _build_form(file)
    reported = _check_bodies(file)
    if not file.sections:
        reported.add(f"subject_{next(iter(LANGUAGES))}")  # the missing sections are reported already
    try:
        return parse_draft(form)
    except DomainError as error:
        errors = {name: message for name, message in error.errors.items() if name not in reported}
        file.add_field_errors(errors, _lines_by_field(file))
    return None


def _build_form(file: FrontMatterFile) -> dict[str, Any]:
    """Return the file as the desk's form has it: petitions by id, everything else as text."""
    form: dict[str, Any] = {}
    for name, value in file.settings.items():
        form["sender_name" if name == "sender" else name] = (
            [str(item) for item in value] if isinstance(value, list) else "" if value is None else str(value)
        )
    petitions = _find_petitions(form.get("petitions") or [], file)
    form["petitions"] = [petition.id for petition in petitions]
    for section in file.sections:
        form[f"subject_{section.language}"] = section.title
        form[f"preheader_{section.language}"] = section.summary
        form[f"body_{section.language}"] = section.body
    if not petitions:
        return form
    first = petitions[0]
    return {"sender_name": first.sender_name, "reply_to": first.reply_to or "", "timezone": first.timezone} | form


def _find_petitions(slugs: list[str] | str, file: FrontMatterFile) -> list[Petition]:
    slugs = [slugs] if isinstance(slugs, str) else slugs
    # PostgreSQL refuses some characters that cannot be in a slug.
    query = select(Petition).where(Petition.slug.in_([slug for slug in slugs if is_printable_line(slug)]))
    found = {petition.slug: petition for petition in db.session.scalars(query)}
    for slug in slugs:
        if slug not in found:
            file.add_problem(file.line_of("petitions"), f"there is no petition {slug!r}")
    return [found[slug] for slug in slugs if slug in found]


def _check_bodies(file: FrontMatterFile) -> set[str]:
    """Note what is wrong in each text at its own line of the file; returns the fields that have such errors."""
    invalid = set()
    for section in file.sections:
        for line, message in validate_body(section.body):
            invalid.add(f"body_{section.language}")
            file.add_problem(section.body_line + line - 1, message)
    return invalid


def _lines_by_field(file: FrontMatterFile) -> dict[str, int]:
    first_section_line = file.sections[0].title_line if file.sections else 1
    lines = dict.fromkeys((f"subject_{language}" for language in LANGUAGES), first_section_line)
    lines |= {name: file.line_of(name) for name in SETTINGS} | {"sender_name": file.line_of("sender")}
    for section in file.sections:
        lines |= {
            f"subject_{section.language}": section.title_line,
            f"preheader_{section.language}": section.summary_line,
            f"body_{section.language}": section.body_line,
        }
    return lines
