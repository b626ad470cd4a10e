"""Limit a mail provider, try it again, or mail it at full speed, with an audit event."""

import re

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.delivery.pacing import actions
from petition.delivery.pacing.actions import MAX_CONNECTIONS, MAX_PER_HOUR
from petition.delivery.pacing.providers import find_known_provider
from petition.team import audit

DOMAIN_PATTERN = re.compile(r"(?=.{4,255}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def limit(name: str, per_hour: str, max_connections: str, by: str) -> str:
    """Limit a provider, named by any of its domains, as typed; an empty limit is none. Returns the provider's name.

    Flushes, does not commit. Raises `ValidationError`.
    """
    errors = {}
    provider = _parse_provider(name)
    if provider is None:
        errors["provider"] = _("Enter a domain, such as orange.fr.")
    hourly = _parse_limit(per_hour, MAX_PER_HOUR)
    if hourly is None:
        errors["per_hour"] = _("Enter a whole number from 1 to %(n)s, or nothing.", n=MAX_PER_HOUR)
    connections = _parse_limit(max_connections, MAX_CONNECTIONS)
    if connections is None:
        errors["max_connections"] = _("Enter a whole number from 1 to %(n)s, or nothing.", n=MAX_CONNECTIONS)
    if provider is None or hourly is None or connections is None:
        raise ValidationError(errors)
    values = {"per_hour": hourly or None, "max_connections": connections or None}
    actions.set_limits(provider, values["per_hour"], values["max_connections"], by)
    audit.record("provider.limited", "provider", provider, after=values)
    return provider


def try_now(name: str) -> bool:
    """Have one email tried now; return whether it was backed off from. Flushes, does not commit."""
    return _act(name, "tried")


def resume(name: str) -> bool:
    """Mail a provider at full speed again; return whether it was slowed down. Flushes, does not commit."""
    return _act(name, "resumed")


def _act(name: str, what: str) -> bool:
    provider = _parse_provider(name) or ""
    done = actions.try_now(provider) if what == "tried" else actions.resume(provider)
    if done:
        audit.record(f"provider.{what}", "provider", provider)
    return done


def _parse_provider(name: str) -> str | None:
    name = name.strip().lower().rstrip(".")
    return find_known_provider(name) if DOMAIN_PATTERN.fullmatch(name) else None


def _parse_limit(text: str, most: int) -> int | None:
    """Return a limit, 0 for none, None if it is invalid."""
    digits = re.sub(r"\s", "", text)
    if not digits:
        return 0
    return int(digits) if re.fullmatch("[0-9]{1,9}", digits) and 1 <= int(digits) <= most else None
