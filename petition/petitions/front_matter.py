"""A petition's settings and texts: how each is read, and what it must be, from a file or from the desk's form."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from petition.core.i18n import LANGUAGES
from petition.petitions.models import ASKS, KINDS, LISTINGS
from petition.safeguards.addresses import BadAddress, reply_address

LONGEST = {"title": 200, "summary": 600, "body": 100_000, "addressee": 200}  # characters
LONGEST_PROFESSION = 120
REQUIRED = ("slug", "kind", "default_language", "addressee", "sender")
RESERVED = ("new", "preview")  # pages of the desk
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _choice(options: tuple[str, ...]) -> Callable[[Any], Any]:
    def reader(value: Any) -> Any:
        if value not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return value

    return reader


def _slug(value: Any) -> str:
    if not isinstance(value, str) or not SLUG.fullmatch(value) or len(value) > 80 or value in RESERVED:
        but = " or ".join(RESERVED)
        raise ValueError(f"must be lower-case letters, digits and single hyphens, up to 80 characters, not {but}")
    return value


def _sender(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not 1 <= len(value["name"]) <= 120:
        raise ValueError("needs a name: `sender: {name: …, reply_to: …}`")
    if set(value) - {"name", "reply_to"}:
        raise ValueError("takes a name and a reply_to, nothing else")
    reply_to = value.get("reply_to")
    if reply_to is not None:
        try:
            reply_to = reply_address(str(reply_to))
        except BadAddress:
            raise ValueError("has a reply_to that is not an email address") from None
    return {"sender_name": value["name"], "reply_to": reply_to}


def _moment(value: Any) -> datetime:
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


def _asks(value: Any) -> list[str]:
    if not isinstance(value, list) or any(item not in ASKS for item in value):
        raise ValueError(f"must be a list from {', '.join(ASKS)}")
    return [item for item in ASKS if item in value]


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _milestones(value: Any) -> list[int]:
    sound = isinstance(value, list) and all(isinstance(n, int) and 0 < n < 10**12 for n in value)
    if not sound or value != sorted(set(value)):
        raise ValueError("must be a list of growing whole numbers, such as [100, 250, 500]")
    return list(value)


def _zone(value: Any) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone such as Europe/Paris")
    return str(value)


def _any(value: Any) -> Any:
    return value


PER_LANGUAGE = ("addressee", "professions")
COLUMNS = {"opens": "opens_at", "closes": "closes_at", "organisations": "accepts_organisations"}
READERS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "slug": (_slug, None),
    "kind": (_choice(KINDS), None),
    "default_language": (_choice(tuple(LANGUAGES)), None),
    "addressee": (_any, None),
    "sender": (_sender, None),
    "timezone": (_zone, "Europe/Paris"),
    "opens": (_moment, None),
    "closes": (_moment, None),
    "asks": (_asks, ["profession"]),
    "listing": (_choice(LISTINGS), "opt_in"),
    "organisations": (_boolean, True),
    "milestones": (_milestones, []),
    "professions": (_any, {}),
}


def settings(front: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns that the settings make, and by setting what is wrong with it: `{"slug": "must be …"}`.

    Settings that differ by language are read with the texts, and not here.
    """
    columns: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for key, (reader, default) in READERS.items():
        try:
            value = reader(front[key]) if front.get(key) is not None else default
        except (ValueError, TypeError) as error:
            wrong[key] = str(error)
            continue
        if key in PER_LANGUAGE:
            continue
        values = value.values() if isinstance(value, dict) else [value]
        if any(isinstance(text, str) and not is_line(text) for text in values):
            wrong[key] = "has characters that are not text: remove them"
        columns.update(value if isinstance(value, dict) else {COLUMNS.get(key, key): value})
    _dates(columns, wrong)
    return columns, wrong


def _dates(columns: dict[str, Any], wrong: dict[str, str]) -> None:
    zone = ZoneInfo(columns.get("timezone") or "UTC")
    for key in ("opens_at", "closes_at"):
        if isinstance(columns.get(key), datetime) and columns[key].tzinfo is None:
            columns[key] = columns[key].replace(tzinfo=zone)
    if columns.get("opens_at") and columns.get("closes_at") and columns["closes_at"] <= columns["opens_at"]:
        wrong["closes"] = "must be later than opens"


def is_words(name: str, value: Any) -> bool:
    """Say whether a text is there and short enough, all of it text, and in one line but for the body."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST[name]:
        return False
    return is_text(value) if name == "body" else is_line(value)


def is_line(value: str) -> bool:
    """Say whether everything in a line is seen or is a space; French has spaces, Persian has joiners of its own."""
    return all(c.isprintable() or unicodedata.category(c) == "Zs" or c in "\u200c\u200d" for c in value)


def is_text(lines: str) -> bool:
    """Say whether nothing in these lines is a control character or half a character."""
    return not any((ord(c) < 32 and c not in "\t\n") or 0xD800 <= ord(c) < 0xE000 for c in lines)


def are_professions(value: Any) -> bool:
    """Say whether this is a list of professions to suggest."""
    return isinstance(value, list) and all(
        isinstance(p, str) and 1 <= len(p) <= LONGEST_PROFESSION and is_line(p) for p in value
    )
