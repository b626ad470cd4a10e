"""Convert a petition to the values of the desk's form, and back: one text per field."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from petition.core.exceptions import ValidationError
from petition.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from petition.core.text import is_printable_text
from petition.petitions.field_parsers import MAX_CHARACTERS, RESERVED_SLUGS
from petition.petitions.markdown import find_dropped, text_to_html
from petition.petitions.models import Petition
from petition.petitions.validation import Document, validate_petition

MAX_PROPOSED_SLUG_CHARACTERS = 50
SINGLE_LINE_SETTINGS = (
    "kind", "slug", "default_language", "sender_name", "reply_to", "opens", "closes", "timezone",
    "retention_months", "passes_on_to", "named_total", "named_profession", "disposable_addresses", "challenge",
    "listing",
)  # fmt: skip
SETTING_FIELDS = (
    *SINGLE_LINE_SETTINGS[:-1], "asks", "listing", "list_indexed", "team_sees_withheld", "statistics",
    "organisations", "milestones", "embed_origins",
)  # fmt: skip
OWN_WORDS = ("email_intro", "email_closing", "thanks", "consent")
TEXT_FIELDS = ("title", "summary", "addressee", "body", "professions", *OWN_WORDS, "share_text")
FIELDS = (*SETTING_FIELDS, *(f"{language}.{field}" for language in LANGUAGES for field in TEXT_FIELDS))
EMPTY_VALUES = dict.fromkeys(FIELDS, "") | {
    "kind": "petition", "default_language": DEFAULT_LANGUAGE, "timezone": "Europe/Paris", "asks": "profession",
    "listing": "opt_in", "statistics": "on", "organisations": "on",
    "disposable_addresses": "accept", "challenge": "automatic",
    "milestones": "100, 250, 500, 1000, 2500, 5000, 10000",
}  # fmt: skip


def make_empty(language: str) -> dict[str, str]:
    """Return the values of a new petition, which whoever works in a language begins to write."""
    return EMPTY_VALUES | {"default_language": language}


def with_main_language(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a new petition with the language that it is written in as its main one, if it is one alone.

    So that a letter written in one language only is not asked for the texts of another.
    """
    written = [language for language in LANGUAGES if _has_text(language, values)]
    return {**values, "default_language": written[0]} if len(written) == 1 else dict(values)


def read_values(form: Any) -> dict[str, str]:
    """Return the submitted value of each field, with line ends as \\n and without surrounding white space."""
    values = {name: form.get(name, "").replace("\r\n", "\n").replace("\r", "\n").strip() for name in FIELDS}
    return values | {"asks": ", ".join(form.getlist("asks"))}


def values_from_petition(petition: Petition) -> dict[str, str]:
    """Return the form's values for a petition; `parse_values` makes the same petition of them."""
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
        "disposable_addresses": petition.disposable_addresses,
        "challenge": petition.challenge,
        "list_indexed": "on" if petition.list_indexed else "",
        "named_total": str(petition.named_total or ""),
        "named_profession": str(petition.named_profession or ""),
        "team_sees_withheld": "on" if petition.team_sees_withheld else "",
        "statistics": "on" if petition.statistics_public else "",
        "organisations": "on" if petition.accepts_organisations else "",
        "milestones": ", ".join(map(str, petition.milestones)),
        "embed_origins": "\n".join(petition.embed_origins or []),
        "passes_on_to": petition.passes_on_to or "",
        "retention_months": "" if petition.retention_months is None else str(petition.retention_months),
    }
    for language, text in petition.texts.items():
        values |= {f"{language}.{field}": getattr(text, field) for field in TEXT_FIELDS if field != "professions"}
        values[f"{language}.professions"] = "\n".join(text.professions)
    return values


def _format_datetime(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def propose_slug(title: str) -> str:
    """Return an address made of a title: its letters without accents, its digits, hyphens between words."""
    decomposed = unicodedata.normalize("NFKD", title.replace("œ", "oe").replace("Œ", "oe"))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    words = re.findall(r"[a-z0-9]+", plain.lower())
    slug = ""
    for word in words:
        if len(slug) + len(word) >= MAX_PROPOSED_SLUG_CHARACTERS:
            break
        slug = f"{slug}-{word}".strip("-")
    return slug if slug and slug not in RESERVED_SLUGS else f"petition-{slug}".strip("-")


def find_missing(petition: Petition) -> list[str]:
    """Return the fields that a draft still needs before it can be opened."""
    try:
        parse_values(values_from_petition(petition))
    except ValidationError as error:
        # In the order of the form: texts first.
        return sorted(error.errors, key=lambda name: ("." not in name, FIELDS.index(name) if name in FIELDS else 0))
    return []


def parse_values(values: Mapping[str, str], *, unfinished: bool = False) -> Document:
    """Return the petition that the form describes. Raises `ValidationError` with every field that is wrong.

    `unfinished`: as a draft that need not be complete. An empty address is made of the title.
    """
    slug = values["slug"] or propose_slug(get_title(values))
    values = {**values, "slug": slug}
    milestones = [re.sub(r"\s", "", part) for part in re.split(r"[,;\n]", values["milestones"]) if part.strip()]
    are_numbers = all(part.isascii() and part.isdigit() and len(part) < 13 for part in milestones)
    given: dict[str, Any] = {name: values[name] for name in SINGLE_LINE_SETTINGS if values[name]}
    return validate_petition(
        given
        | {
            "asks": [name for name in values["asks"].split(", ") if name],
            "list_indexed": bool(values["list_indexed"]),
            "team_sees_withheld": bool(values["team_sees_withheld"]),
            "statistics": bool(values["statistics"]),
            "organisations": bool(values["organisations"]),
            "embed_origins": _split_lines(values["embed_origins"]),
            "milestones": sorted({int(part) for part in milestones}) if are_numbers else values["milestones"],
            "texts": {language: _parse_text(language, values) for language in LANGUAGES if _has_text(language, values)},
        },
        unfinished=unfinished,
    )


def _has_text(language: str, values: Mapping[str, str]) -> bool:
    return any(values[f"{language}.{field}"] for field in TEXT_FIELDS)


def _parse_text(language: str, values: Mapping[str, str]) -> dict[str, Any]:
    text: dict[str, Any] = {field: values[f"{language}.{field}"] for field in TEXT_FIELDS}
    text["summary"] = " ".join(_split_lines(text["summary"]))
    text["consent"] = " ".join(text["consent"].split())
    text["share_text"] = " ".join(_split_lines(text["share_text"]))
    text["professions"] = _split_lines(text["professions"])
    return text


def _split_lines(value: str) -> list[str]:
    return [line.strip() for line in value.split("\n") if line.strip()]


def get_title(values: Mapping[str, str]) -> str:
    """Return the title in the petition's default language."""
    return values.get(f"{values.get('default_language', '')}.title", "")


def build_preview(values: Mapping[str, str], language: str) -> dict[str, Any]:
    """Return the texts of a language for the preview, as they are typed, valid or not."""
    text = {field: values.get(f"{language}.{field}", "") for field in TEXT_FIELDS if field != "professions"}
    body, thanks = _if_printable("body", text["body"]), _if_printable("thanks", text["thanks"])
    return text | {
        "html": text_to_html(body),
        "dropped": find_dropped(body),
        "thanks_html": text_to_html(thanks),
        "thanks_dropped": find_dropped(thanks),
        "intro": split_paragraphs(text["email_intro"]),
        "closing": split_paragraphs(text["email_closing"]),
        "kind": values.get("kind", ""),
    }


def _if_printable(field: str, value: str) -> str:
    return value if len(value) <= MAX_CHARACTERS[field] and is_printable_text(value) else ""


def split_paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a plain text: blank lines are between them."""
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]
