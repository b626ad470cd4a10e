"""Filters of the team's signature search: parsed from a form or a command, and redacted for the audit trail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from petition.core.forms import load_form
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.safeguards.ip_networks import find_network
from petition.signatures.models import PARTIES, STATES

MAX_CHARACTERS = 320  # as long as an email address
MAX_NETWORK_ID_DIGITS = 17  # of the number in #7: fits a bigint
# Criteria that may name a person: never in the audit trail, nor in an address bar.
PERSONAL_FIELDS = ("name", "email", "profession", "city", "network")


@dataclass(frozen=True)
class Filter:
    """Which signatures to find; a criterion that is None matches all. Days are whole, in UTC, the last one included.

    `network` is a network such as 192.0.2.0/24, or #7 for that of the signature 7. `domain` is the mail provider's
    canonical one.
    """

    petition: str | None = None
    name: str | None = None
    email: str | None = None
    profession: str | None = None
    city: str | None = None
    state: str | None = None
    party: str | None = None
    domain: str | None = None
    network: str | None = None
    created_since: date | None = None
    created_until: date | None = None
    confirmed_since: date | None = None
    confirmed_until: date | None = None

    def criteria(self) -> dict[str, str]:
        """Return the criteria that are set, by field, as text."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}

    def redacted(self) -> dict[str, str]:
        """Return the criteria as they may be stored for good: those that may name a person without their value."""
        return {name: "…" if name in PERSONAL_FIELDS else value for name, value in self.criteria().items()}


def parse_filter(form: Mapping[str, Any]) -> Filter:
    """Return the filter that a form, a command or a saved search describes. Raises `ValidationError` by field."""
    return Filter(**load_form(FilterSchema(), form))


class Criterion(ma.fields.Field):  # type: ignore[type-arg]
    """One line of text, None if empty. `parse` returns its value, or raises `ValueError` with what to write."""

    def __init__(self, parse: Callable[[str], Any] = str) -> None:
        super().__init__(load_default=None, allow_none=True)
        self.parse = parse

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        text = _normalise(value)
        try:
            return self.parse(text) if text else None
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


def _normalise(value: Any) -> str:
    text = " ".join(str(value or "").replace("\0", " ").split())[:MAX_CHARACTERS]
    return text.encode("utf-8", "ignore").decode()  # without lone surrogates, which PostgreSQL does not take


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(_("Choose one of the list."))
        return text

    return parse


def _parse_name(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError(_("Please write this in letters."))
    return text


def _parse_domain(text: str) -> str:
    try:
        # The canonical domain of the provider: googlemail.com is found as gmail.com.
        return parse_email_address(f"somebody@{text.lstrip('@')}").canonical.rpartition("@")[2]
    except BadAddress:
        raise ValueError(_("This is not a domain. It should read like example.org.")) from None


def _parse_network(text: str) -> str:
    number = text[1:]
    if text[0] == "#" and number.isascii() and number.isdigit() and len(number) <= MAX_NETWORK_ID_DIGITS:
        return text
    network = find_network(text)
    if network is None:
        raise ValueError(_("Give an IP address, or # and the number of a signature."))
    return network


def _parse_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(_("Write the day like 2026-12-31.")) from None
    if not 1970 <= day.year <= 9000:
        raise ValueError(_("Write the day like 2026-12-31."))
    return day


class FilterSchema(ma.Schema):
    """The search form of the desk, and the filter options of commands."""

    petition = Criterion()
    name = Criterion(_parse_name)
    email = Criterion()
    profession = Criterion()
    city = Criterion()
    state = Criterion(_one_of(STATES))
    party = Criterion(_one_of(PARTIES))
    domain = Criterion(_parse_domain)
    network = Criterion(_parse_network)
    created_since = Criterion(_parse_day)
    created_until = Criterion(_parse_day)
    confirmed_since = Criterion(_parse_day)
    confirmed_until = Criterion(_parse_day)
