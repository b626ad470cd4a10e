"""A petition as the desk's form holds it: flat texts by field, read by the rules that a file is read by."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.petitions.file_parser import Document
from petition.petitions.markdown import to_html
from petition.petitions.models import Petition, PetitionText
from petition.petitions.validation import (
    MAX_CHARACTERS,
    are_valid_professions,
    is_printable_text,
    is_valid_text,
    validate_settings,
)

SETTING_FIELDS = (
    "kind", "slug", "default_language", "sender_name", "reply_to", "opens", "closes", "timezone", "asks", "listing",
    "organisations", "milestones",
)  # fmt: skip
TEXT_FIELDS = ("title", "summary", "addressee", "body", "professions")
FIELDS = (*SETTING_FIELDS, *(f"{language}.{word}" for language in LANGUAGES for word in TEXT_FIELDS))
EMPTY_VALUES = dict.fromkeys(FIELDS, "") | {
    "kind": "petition", "default_language": "fr", "timezone": "Europe/Paris", "asks": "profession",
    "listing": "opt_in", "organisations": "on", "milestones": "100, 250, 500, 1000, 2500, 5000, 10000",
}  # fmt: skip


def read_values(form: Any) -> dict[str, str]:
    """Return what a form holds, field by field, with the line ends and margins that browsers add taken off."""
    values = {name: form.get(name, "").replace("\r\n", "\n").replace("\r", "\n").strip() for name in FIELDS}
    return values | {"asks": ", ".join(form.getlist("asks"))}


def values_from_petition(petition: Petition) -> dict[str, str]:
    """Return a petition as the form shows it; what `read` makes of that is the petition again."""
    zone = ZoneInfo(petition.timezone)
    values = EMPTY_VALUES | {
        "kind": petition.kind,
        "slug": petition.slug,
        "default_language": petition.default_language,
        "sender_name": petition.sender_name,
        "reply_to": petition.reply_to or "",
        "opens": _format_datetime(petition.opens_at, zone),
        "closes": _format_datetime(petition.closes_at, zone),
        "timezone": petition.timezone,
        "asks": ", ".join(petition.asks),
        "listing": petition.listing,
        "organisations": "on" if petition.accepts_organisations else "",
        "milestones": ", ".join(map(str, petition.milestones)),
    }
    for language, text in petition.texts.items():
        words = {word: getattr(text, word) for word in TEXT_FIELDS[:-1]} | {"professions": "\n".join(text.professions)}
        values |= {f"{language}.{word}": value for word, value in words.items()}
    return values


def _format_datetime(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def parse_values(values: Mapping[str, str]) -> Document:
    """Return the document that the form makes. Raises `Refusal` with every field that needs help."""
    fields, wrong = validate_settings(_build_front_matter(values))
    errors = {_FIELD_BY_SETTING.get(name, name): "" for name in wrong}
    if "reply_to" in wrong.get("sender", ""):
        errors["reply_to"] = errors.pop("sender_name")
    texts = [_parse_text(language, values, errors) for language in LANGUAGES if _has_text(language, values)]
    for name in ("slug", "kind", "default_language", "sender_name"):
        if not values[name]:
            errors[name] = ""
    if fields.get("default_language") not in [text["language"] for text in texts]:
        errors.setdefault("default_language", "")
    if errors:
        advice = _error_messages()
        raise ValidationError({name: advice[name.rpartition(".")[2]] for name in errors})
    return Document(fields, texts)


_FIELD_BY_SETTING = {"sender": "sender_name"}


def _build_front_matter(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings as a file's front matter would give them; what is empty is not given."""
    milestones = [re.sub(r"\s", "", part) for part in re.split(r"[,;\n]", values["milestones"]) if part.strip()]
    sound = all(part.isascii() and part.isdigit() and len(part) < 13 for part in milestones)
    front: dict[str, Any] = {
        name: values[name]
        for name in ("kind", "slug", "default_language", "opens", "closes", "timezone", "listing")
        if values[name]
    }
    if values["sender_name"]:
        front["sender"] = {"name": values["sender_name"], "reply_to": values["reply_to"] or None}
    return front | {
        "asks": [name for name in values["asks"].split(", ") if name],
        "organisations": bool(values["organisations"]),
        "milestones": sorted({int(part) for part in milestones}) if sound else values["milestones"],
    }


def _has_text(language: str, values: Mapping[str, str]) -> bool:
    return any(values[f"{language}.{word}"] for word in TEXT_FIELDS)


def _parse_text(language: str, values: Mapping[str, str], errors: dict[str, str]) -> dict[str, Any]:
    text: dict[str, Any] = {word: values[f"{language}.{word}"] for word in TEXT_FIELDS}
    text["summary"] = re.sub(r"[ \t]*\n\s*", " ", text["summary"])
    text["professions"] = [line.strip() for line in text["professions"].split("\n") if line.strip()]
    errors |= {f"{language}.{word}": "" for word in MAX_CHARACTERS if not is_valid_text(word, text[word])}
    if not are_valid_professions(text["professions"]):
        errors[f"{language}.professions"] = ""
    return text | {"language": language}


def _error_messages() -> dict[str, str]:
    """Return what to do about each field, in the reader's language."""
    choose = _("Please choose one of these.")
    return {
        "kind": choose,
        "asks": choose,
        "listing": choose,
        "organisations": choose,
        "slug": _("Write it in lower-case letters, digits and single hyphens, in up to 80 characters."),
        "default_language": _("Please choose a language that the text is written in."),
        "sender_name": _("Say who publishes this, in up to 120 characters."),
        "reply_to": _("This does not look like a full email address. It should read like name@example.org."),
        "opens": _("Give a day and a time."),
        "closes": _("Give a day and a time, later than the opening."),
        "timezone": _("Give a time zone such as Europe/Paris."),
        "milestones": _("Give whole numbers, with commas between them: 100, 250, 500."),
        "title": _("Give a title of one line, in up to %(number)s characters.", number=MAX_CHARACTERS["title"]),
        "summary": _("Sum it up in up to %(number)s characters.", number=MAX_CHARACTERS["summary"]),
        "addressee": _("Say whom it is for, in up to %(number)s characters.", number=MAX_CHARACTERS["addressee"]),
        "body": _("Write the text, in up to %(number)s characters.", number=f"{MAX_CHARACTERS['body']:,}"),
        "professions": _("Write one on each line, in up to 120 characters."),
    }


def build_petition(document: Document) -> Petition:
    """Return the petition of a document, in no database."""
    petition = Petition(**document.fields)
    petition.texts = {text["language"]: PetitionText(**text) for text in document.texts}
    return petition


def get_title(values: Mapping[str, str]) -> str:
    """Return the title in the petition's own language."""
    return values.get(f"{values['default_language']}.title", "")


def digest(value: str) -> str:
    """Return a few characters that stand for a value: enough to see whether it changed."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:10]


def build_preview(values: Mapping[str, str], language: str) -> dict[str, Any]:
    """Return what a reader would see of a language's texts as they are typed, however unfinished."""
    text = {word: values.get(f"{language}.{word}", "") for word in ("title", "summary", "addressee", "body")}
    body = text["body"] if len(text["body"]) <= MAX_CHARACTERS["body"] and is_printable_text(text["body"]) else ""
    return text | {"html": to_html(body), "kind": values.get("kind", "")}
