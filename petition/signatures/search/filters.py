"""What the team looks for among the signatures: read from a form, checked, and told on record without its values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.safeguards.ip_networks import find_network
from petition.signatures.models import PARTIES, STATES

MAX_CHARACTERS = 320  # characters
DAY_FIELDS = ("created_since", "created_until", "confirmed_since", "confirmed_until")
# What may name a person: never on record, nor in an address bar.
PERSONAL_FIELDS = ("name", "email", "profession", "network")


@dataclass(frozen=True)
class Filter:
    """Which signatures; what is None does not matter. Days are whole, in UTC, the last one included.

    `network` is a network such as 192.0.2.0/24, or #7 for that of the signature 7. `domain` is the mail provider's
    canonical one.
    """

    petition: str | None = None
    name: str | None = None
    email: str | None = None
    profession: str | None = None
    state: str | None = None
    party: str | None = None
    domain: str | None = None
    network: str | None = None
    created_since: date | None = None
    created_until: date | None = None
    confirmed_since: date | None = None
    confirmed_until: date | None = None

    def criteria(self) -> dict[str, str]:
        """Return what matters, by name, as text."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}

    def redacted(self) -> dict[str, str]:
        """Return what may be kept for good: what was asked, without what could name a person."""
        return {name: "…" if name in PERSONAL_FIELDS else value for name, value in self.criteria().items()}


def parse_filter(form: Mapping[str, Any]) -> Filter:
    """Return the filter that a form, a command or a kept search names. Raises `Refusal` by field."""
    typed = {field.name: _normalise(form.get(field.name)) for field in fields(Filter)}
    errors: dict[str, str] = {}
    found: dict[str, Any] = dict(typed)
    for name, values in (("state", STATES), ("party", PARTIES)):
        if typed[name] and typed[name] not in values:
            errors[name] = _("Choose one of the list.")
    if typed["name"] and not any(character.isalnum() for character in typed["name"]):
        errors["name"] = _("Please write this in letters.")
    for name, change in {
        "domain": _parse_domain,
        "network": _parse_network,
        **dict.fromkeys(DAY_FIELDS, _parse_day),
    }.items():
        try:
            value = typed[name]
            found[name] = change(value) if value else None
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise ValidationError(errors)
    return Filter(**found)


def _normalise(value: Any) -> str | None:
    text = " ".join(str(value or "").replace("\0", " ").split())[:MAX_CHARACTERS]
    return text.encode("utf-8", "ignore").decode() or None


def _parse_domain(typed: str) -> str:
    try:
        # The same one spelling for all that a provider goes by.
        return parse_email_address(f"somebody@{typed.lstrip('@')}").canonical.rpartition("@")[2]
    except BadAddress:
        raise ValueError(_("This is not a domain. It should read like example.org.")) from None


def _parse_network(typed: str) -> str:
    if typed[0] == "#" and typed[1:].isascii() and typed[1:].isdigit() and len(typed) < 19:
        return typed
    found = find_network(typed)
    if found is None:
        raise ValueError(_("Give an IP address, or # and the number of a signature."))
    return found


def _parse_day(typed: str) -> date:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise ValueError(_("Write the day like 2026-12-31.")) from None
    if not 1970 <= day.year <= 9000:
        raise ValueError(_("Write the day like 2026-12-31."))
    return day
