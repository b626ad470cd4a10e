"""Read a petition from a file: YAML front matter, then one Markdown section per language."""

from typing import Any

from petition.core.exceptions import ValidationError
from petition.core.front_matter import FrontMatterFile, InvalidFile, parse_front_matter_file
from petition.core.i18n import LANGUAGES
from petition.core.text import is_printable_text
from petition.petitions.editing.edit_form import OWN_WORDS
from petition.petitions.markdown import find_footnotes
from petition.petitions.validation import Document, footnote_message, validate_petition

# The settings of a file; the schema has `sender` as two fields, and the last three with the texts.
PLAIN_SETTINGS = (
    "slug", "kind", "default_language", "timezone", "opens", "closes", "asks", "listing",
    "list_indexed", "named_total", "named_profession", "team_sees_withheld",
    "statistics", "organisations", "milestones", "retention_months", "embed_origins",
    "disposable_addresses", "challenge", "passes_on_to",
)  # fmt: skip
# Given once for all languages, or by language.
TEXT_SETTINGS = ("addressee", "professions", "email_intro", "email_closing", "thanks", "consent", "share_text")
SETTINGS = (*PLAIN_SETTINGS, "sender", *TEXT_SETTINGS)
REQUIRED_SETTINGS = ("slug", "kind", "default_language", "addressee", "sender")


def parse_document(text: str) -> Document:
    """Return the petition that a file describes. Raises `InvalidFile` with every error and its line."""
    file = parse_front_matter_file(text)
    for number, line in enumerate(text.splitlines(), 1):
        if not is_printable_text(line):
            file.add_problem(number, "this line has characters that are not text: remove them")
    document = _validate(file) if file.settings else None
    if document is None or file.problems:
        raise InvalidFile(file.problems)
    return document


def _validate(file: FrontMatterFile) -> Document | None:
    file.require_known_settings(SETTINGS)
    try:
        return validate_petition(_build_values(file))
    except ValidationError as error:
        errors = error.errors
    if not file.sections:
        errors.pop("default_language", None)  # the missing sections are reported already
    for section in file.sections:
        for line in find_footnotes(section.body):
            errors.pop(f"{section.language}.body", None)  # reported here, at the line of the file
            file.add_problem(section.body_line + line - 1, footnote_message())
    missing = [name for name in REQUIRED_SETTINGS if file.settings.get(name) is None]
    for name in missing:
        file.add_problem(file.line_of(name), f"{name} is missing")
    lines = _lines_by_field(file)
    present = {name: message for name, message in errors.items() if _setting_of(name) not in missing}
    file.add_field_errors(present, lines)
    return None


def _setting_of(field: str) -> str:
    """Return the setting that a field of the schema comes from: `sender_name` from `sender`, `fr.title` from none."""
    name = field.rpartition(".")[2]
    return "sender" if name in ("sender_name", "reply_to") else name


def _lines_by_field(file: FrontMatterFile) -> dict[str, int]:
    lines = {name: file.line_of(_setting_of(name)) for name in (*PLAIN_SETTINGS, "sender_name", "reply_to")}
    for section in file.sections:
        lines |= {
            f"{section.language}.title": section.title_line,
            f"{section.language}.summary": section.summary_line,
            f"{section.language}.body": section.body_line,
        }
        lines |= {f"{section.language}.{name}": file.line_of(name) for name in TEXT_SETTINGS}
    return lines


def _build_values(file: FrontMatterFile) -> dict[str, Any]:
    """Return the values of a file as the schema takes them; a setting without a value counts as not given."""
    settings = {name: value for name, value in file.settings.items() if value is not None}
    values = {name: settings[name] for name in PLAIN_SETTINGS if name in settings}
    values |= _build_sender(settings.get("sender"), file)
    values["texts"] = {
        section.language: {
            "title": section.title,
            "summary": section.summary,
            "body": section.body.strip(),
            "addressee": _in_language(settings.get("addressee"), section.language),
            "professions": _in_language(settings.get("professions"), section.language) or [],
            **{name: _strip(_in_language(settings.get(name, ""), section.language)) for name in OWN_WORDS},
            "share_text": _in_language(settings.get("share_text"), section.language) or "",
        }
        for section in file.sections
        if section.language in LANGUAGES
    }
    return values


def _build_sender(sender: Any, file: FrontMatterFile) -> dict[str, Any]:
    if sender is None:
        return {}
    if not isinstance(sender, dict) or set(sender) - {"name", "reply_to"}:
        file.add_problem(file.line_of("sender"), "sender: write it as `sender: {name: …, reply_to: …}`")
        return {}
    names = {"name": "sender_name", "reply_to": "reply_to"}
    return {names[name]: value for name, value in sender.items() if value is not None}


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value or ""


def _in_language(value: Any, language: str) -> Any:
    """Return a setting that is given once for all languages or by language, in a language."""
    return value.get(language) if isinstance(value, dict) else value
