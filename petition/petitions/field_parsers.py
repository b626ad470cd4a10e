"""Parse the fields of a petition: each returns the clean value, or raises `ValueError` for what its message says."""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from petition.core.clock import is_timezone
from petition.core.text import is_printable_line, is_printable_text
from petition.petitions.models import ASKS, CHALLENGE_POLICIES, ChallengePolicy
from petition.safeguards.contact_details import find_contact_detail
from petition.safeguards.email_addresses import BadAddress, parse_reply_address

MAX_CHARACTERS = {
    "title": 200, "summary": 600, "body": 100_000, "addressee": 200, "email_intro": 600, "email_closing": 600,
    "thanks": 4_000, "consent": 400,
}  # fmt: skip
FIELDS_OF_LINES = ("body", "email_intro", "email_closing", "thanks")
MAX_PROFESSION_CHARACTERS = 120
MAX_SENDER_CHARACTERS = 120
MAX_SLUG_CHARACTERS = 80
MAX_SHARE_CHARACTERS = 240  # with the address, within what Bluesky allows: 300
MAX_PASSES_ON_TO_CHARACTERS = 200
MAX_RETENTION_MONTHS = 120
MIN_NAMING_NUMBER, MAX_NAMING_NUMBER = 5, 1_000_000  # fewer would be hardly anybody to stand among
RESERVED_SLUGS = ("new", "preview")  # pages of the desk
SLUG_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def parse_text(name: str, value: Any) -> str:
    """Return a text of the petition. Raises `ValueError` where it is empty, too long, or has unprintable characters."""
    printable = is_printable_text if name in FIELDS_OF_LINES else is_printable_line
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CHARACTERS[name] or not printable(value):
        raise ValueError
    return value


def parse_mailed_text(name: str, value: Any) -> str:
    """Return a text that reaches mailboxes whose owners have not agreed to anything: no links, no telephone numbers."""
    text = parse_text(name, value)
    if find_contact_detail(text, inclusive=True):
        raise ValueError
    return text


def parse_slug(value: Any) -> str:
    if not isinstance(value, str) or not SLUG_PATTERN.fullmatch(value) or len(value) > MAX_SLUG_CHARACTERS:
        raise ValueError
    if value in RESERVED_SLUGS:
        raise ValueError
    return value


def one_of(options: tuple[str, ...]) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if value not in options:
            raise ValueError
        return value

    return parse


def parse_challenge(value: Any) -> Any:
    """Return when the form asks for a proof of work. YAML reads `on` and `off` as booleans."""
    named = {True: ChallengePolicy.ON.value, False: ChallengePolicy.OFF.value}
    return one_of(CHALLENGE_POLICIES)(named[value] if isinstance(value, bool) else value)


def parse_sender_name(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_SENDER_CHARACTERS or not is_printable_line(value):
        raise ValueError
    return value


def parse_reply_to(value: Any) -> str:
    try:
        address = parse_reply_address(str(value))
    except BadAddress:
        raise ValueError from None
    if not is_printable_line(address):
        raise ValueError
    return address


def parse_datetime(value: Any) -> datetime:
    """Return a moment, without a time zone where the value has none. YAML gives dates, the form gives text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if not 1900 <= moment.year <= 2999:  # years 1 and 9999 cannot be converted to every time zone
        raise ValueError
    return moment


def parse_timezone(value: Any) -> str:
    if not isinstance(value, str) or not is_timezone(value):
        raise ValueError
    return value


def parse_asks(value: Any) -> list[str]:
    if not isinstance(value, list) or any(item not in ASKS for item in value):
        raise ValueError
    return [item for item in ASKS if item in value]


def parse_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def parse_passes_on_to(value: Any) -> str:
    text = " ".join(str(value).split())
    if not 1 <= len(text) <= MAX_PASSES_ON_TO_CHARACTERS or "\0" in text:
        raise ValueError
    return text


def parse_retention_months(value: Any) -> int:
    """Return a number of months. A file gives a number, the form gives text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 5:
        value = int(value)
    if type(value) is not int or not 1 <= value <= MAX_RETENTION_MONTHS:
        raise ValueError
    return value


def parse_naming_number(value: Any) -> int:
    """Return how many must have signed. A file gives a number, the form gives text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8:
        value = int(value)
    if type(value) is not int or not MIN_NAMING_NUMBER <= value <= MAX_NAMING_NUMBER:
        raise ValueError
    return value


def parse_milestones(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(type(n) is int and 0 < n < 10**12 for n in value):
        raise ValueError
    if value != sorted(set(value)):
        raise ValueError
    return value


def parse_professions(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError
    for item in value:
        if not isinstance(item, str) or not 1 <= len(item) <= MAX_PROFESSION_CHARACTERS or not is_printable_line(item):
            raise ValueError
    return value


def parse_share_text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_SHARE_CHARACTERS or not is_printable_line(value):
        raise ValueError
    return value


def or_empty(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: "" if value == "" else parse(value)
