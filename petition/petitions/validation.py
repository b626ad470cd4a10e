"""A petition's settings and texts: how each is read, and what it must be, from a file or from the desk's form."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from petition.core.i18n import LANGUAGES
from petition.petitions.models import ASKS, KINDS, LISTINGS
from petition.safeguards.email_addresses import BadAddress, parse_reply_address

MAX_CHARACTERS = {"title": 200, "summary": 600, "body": 100_000, "addressee": 200}  # characters
MAX_PROFESSION_CHARACTERS = 120
REQUIRED_SETTINGS = ("slug", "kind", "default_language", "addressee", "sender")
RESERVED_SLUGS = ("new", "preview")  # pages of the desk
SLUG_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _one_of(options: tuple[str, ...]) -> Callable[[Any], Any]:
    def reader(value: Any) -> Any:
        if value not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return value

    return reader


def _validate_slug(value: Any) -> str:
    if not isinstance(value, str) or not SLUG_PATTERN.fullmatch(value) or len(value) > 80 or value in RESERVED_SLUGS:
        but = " or ".join(RESERVED_SLUGS)
        raise ValueError(f"must be lower-case letters, digits and single hyphens, up to 80 characters, not {but}")
    return value


def _validate_sender(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not 1 <= len(value["name"]) <= 120:
        raise ValueError("needs a name: `sender: {name: …, reply_to: …}`")
    if set(value) - {"name", "reply_to"}:
        raise ValueError("takes a name and a reply_to, nothing else")
    reply_to = value.get("reply_to")
    if reply_to is not None:
        try:
            reply_to = parse_reply_address(str(reply_to))
        except BadAddress:
            raise ValueError("has a reply_to that is not an email address") from None
    return {"sender_name": value["name"], "reply_to": reply_to}


def _parse_datetime(value: Any) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    # The first and last years there are have no room for other time zones.
    if moment is None or not 1900 <= moment.year <= 2999:
        raise ValueError("must be a date such as 2026-11-23, or with a time: 2026-11-23 09:00")
    return moment


def _validate_asks(value: Any) -> list[str]:
    if not isinstance(value, list) or any(item not in ASKS for item in value):
        raise ValueError(f"must be a list from {', '.join(ASKS)}")
    return [item for item in ASKS if item in value]


def _validate_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _validate_milestones(value: Any) -> list[int]:
    sound = isinstance(value, list) and all(isinstance(n, int) and 0 < n < 10**12 for n in value)
    if not sound or value != sorted(set(value)):
        raise ValueError("must be a list of growing whole numbers, such as [100, 250, 500]")
    return list(value)


def _validate_timezone(value: Any) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone such as Europe/Paris")
    return str(value)


def _accept_any(value: Any) -> Any:
    return value


PER_LANGUAGE_SETTINGS = ("addressee", "professions")
COLUMN_BY_SETTING = {"opens": "opens_at", "closes": "closes_at", "organisations": "accepts_organisations"}
SETTING_VALIDATORS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "slug": (_validate_slug, None),
    "kind": (_one_of(KINDS), None),
    "default_language": (_one_of(tuple(LANGUAGES)), None),
    "addressee": (_accept_any, None),
    "sender": (_validate_sender, None),
    "timezone": (_validate_timezone, "Europe/Paris"),
    "opens": (_parse_datetime, None),
    "closes": (_parse_datetime, None),
    "asks": (_validate_asks, ["profession"]),
    "listing": (_one_of(LISTINGS), "opt_in"),
    "organisations": (_validate_boolean, True),
    "milestones": (_validate_milestones, []),
    "professions": (_accept_any, {}),
}


def validate_settings(front: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns that the settings make, and by setting what is wrong with it: `{"slug": "must be …"}`.

    Settings that differ by language are read with the texts, and not here.
    """
    columns: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for key, (reader, default) in SETTING_VALIDATORS.items():
        try:
            value = reader(front[key]) if front.get(key) is not None else default
        except (ValueError, TypeError) as error:
            wrong[key] = str(error)
            continue
        if key in PER_LANGUAGE_SETTINGS:
            continue
        values = value.values() if isinstance(value, dict) else [value]
        if any(isinstance(text, str) and not is_printable_line(text) for text in values):
            wrong[key] = "has characters that are not text: remove them"
        columns.update(value if isinstance(value, dict) else {COLUMN_BY_SETTING.get(key, key): value})
    _validate_dates(columns, wrong)
    return columns, wrong


def _validate_dates(columns: dict[str, Any], wrong: dict[str, str]) -> None:
    zone = ZoneInfo(columns.get("timezone") or "UTC")
    for key in ("opens_at", "closes_at"):
        if isinstance(columns.get(key), datetime) and columns[key].tzinfo is None:
            columns[key] = columns[key].replace(tzinfo=zone)
    if columns.get("opens_at") and columns.get("closes_at") and columns["closes_at"] <= columns["opens_at"]:
        wrong["closes"] = "must be later than opens"


def is_valid_text(name: str, value: Any) -> bool:
    """Say whether a text is there and short enough, all of it text, and in one line but for the body."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CHARACTERS[name]:
        return False
    return is_printable_text(value) if name == "body" else is_printable_line(value)


def is_printable_line(value: str) -> bool:
    """Say whether everything in a line is seen or is a space; French has spaces, Persian has joiners of its own."""
    return all(c.isprintable() or unicodedata.category(c) == "Zs" or c in "\u200c\u200d" for c in value)


def is_printable_text(lines: str) -> bool:
    """Say whether nothing in these lines is a control character or half a character."""
    return not any((ord(c) < 32 and c not in "\t\n") or 0xD800 <= ord(c) < 0xE000 for c in lines)


def are_valid_professions(value: Any) -> bool:
    """Say whether this is a list of professions to suggest."""
    return isinstance(value, list) and all(
        isinstance(p, str) and 1 <= len(p) <= MAX_PROFESSION_CHARACTERS and is_printable_line(p) for p in value
    )
