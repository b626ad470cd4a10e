"""Read what the provider says of a person: address, roles, second factor. No type of a value is an error here."""

from typing import Any

from petition.safeguards.email_addresses import BadAddress
from petition.team.accounts import MAX_NAME_CHARACTERS, normalize_address

# Methods by what they prove (RFC 8176, 2). A message to a telephone proves too little (NIST SP 800-63B, 5.1.3.3).
KNOWLEDGE, POSSESSION, INHERENCE = {"pwd", "pin", "kba"}, {"otp", "hwk", "swk", "sc"}, {"face", "fpt", "iris", "vbm"}
MAX_SUBJECT_CHARACTERS = 255  # OIDC Core, 2


def read_subject(claims: dict[str, Any]) -> str | None:
    """Return who the person is at the provider, for ever; None if that cannot be kept."""
    subject = claims.get("sub")
    is_usable = isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT_CHARACTERS and subject.isprintable()
    return subject if is_usable else None


def read_verified_address(claims: dict[str, Any]) -> str | None:
    """Return the address as accounts are found by, if the provider has verified it; else None."""
    address = claims.get("email")
    if claims.get("email_verified") not in (True, "true") or not isinstance(address, str):
        return None
    try:
        return normalize_address(address)
    except BadAddress:
        return None


def read_name(claims: dict[str, Any]) -> str:
    """Return the person's name, else an empty string."""
    name = claims.get("name")
    return name.strip()[:MAX_NAME_CHARACTERS] if isinstance(name, str) and name.isprintable() else ""


def read_values(claims: dict[str, Any], path: str) -> set[str]:
    """Return the values of a claim, which is a text or a list; `path`: its name, or names of claims inside claims."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return {value for value in values if isinstance(value, str)}


def map_roles(claims: dict[str, Any], path: str, mapping: dict[str, set[str]]) -> set[str]:
    """Return the roles that the values of a claim stand for."""
    return {role for value in read_values(claims, path) for role in mapping.get(value, ())}


def says_two_factors(claims: dict[str, Any]) -> bool:
    """Return whether the provider says that it saw two kinds of factors (`amr`, RFC 8176)."""
    methods = read_values(claims, "amr")
    return "mfa" in methods or sum(bool(methods & kind) for kind in (KNOWLEDGE, POSSESSION, INHERENCE)) >= 2


def read_time(claims: dict[str, Any]) -> int:
    """Return when the person last proved to the provider who they are, in seconds since 1970; 0 if it does not say."""
    moment = claims.get("auth_time")
    return int(moment) if isinstance(moment, int | float) and 0 < moment < 2**40 else 0
