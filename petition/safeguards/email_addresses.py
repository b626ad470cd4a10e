"""Email addresses: which are sound, which are the same mailbox, and which were probably mistyped."""

from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from flask import current_app

# Providers that document aliases: text after + is ignored, and for some every dot in the name.
PLUS_ALIAS_DOMAINS = {
    "gmail.com", "outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr", "msn.com",
    "icloud.com", "me.com", "mac.com", "proton.me", "fastmail.com", "fastmail.fm", "yandex.com", "yandex.ru",
    "mailbox.org", "posteo.de", "posteo.net",
}  # fmt: skip
DOT_INSENSITIVE_DOMAINS = {"gmail.com", "proton.me"}
DOMAIN_ALIASES = {
    "googlemail.com": "gmail.com", "protonmail.com": "proton.me", "protonmail.ch": "proton.me",
    "pm.me": "proton.me", "ya.ru": "yandex.ru",
}  # fmt: skip
WELL_KNOWN_DOMAINS = (
    "gmail.com", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "hotmail.fr", "hotmail.com",
    "outlook.fr", "outlook.com", "yahoo.fr", "yahoo.com", "live.fr", "icloud.com", "bbox.fr", "neuf.fr",
    "numericable.fr", "protonmail.com", "proton.me", "gmx.fr", "gmx.com", "aol.com", "me.com", "hotmail.co.uk",
    "yahoo.co.uk", "ac-paris.fr",
)  # fmt: skip
# The right name in the wrong country.
DOMAIN_CORRECTIONS = {"laposte.fr": "laposte.net", "gmail.fr": "gmail.com", "icloud.fr": "icloud.com"}
# One letter away from a well-known one, and real all the same.
LEGITIMATE_DOMAINS = {
    "mail.com", "email.com", "gmx.net", "gmx.de", "yahoo.de", "hotmail.de", "hotmail.it", "yahoo.it", "live.be",
    "orange.com", "sfc.fr", "fee.fr", "ymail.com", "outlook.de", "outlook.be", "yahoo.es", "free.com", "proton.ch",
}  # fmt: skip


class BadAddress(ValueError):
    """Not an email address."""


@dataclass(frozen=True)
class Address:
    """An address as typed, to mail to, and its canonical form, to know the mailbox by."""

    typed: str
    canonical: str


def parse_email_address(text: str) -> Address:
    """Return a sound address; its canonical form is the same for every spelling that reaches one mailbox.

    Accepts internationalised names and domains (RFC 6531). Raises `BadAddress`.
    """
    # `.test` names stand for people in tests and demos, on one machine only.
    found = _validate(text, test_names=current_app.config["PETITION_EMBEDDED"])
    return Address(found.normalized, canonicalize(found.local_part, found.ascii_domain or found.domain))


def parse_reply_address(text: str) -> str:
    """Return a sound address that any email can name in a header, which is to say in ASCII. Raises `BadAddress`.

    Nothing is sent to it from here, so a `.test` name passes, and no app is needed to read a petition's file.
    """
    typed = _validate(text, test_names=True).normalized
    if not typed.isascii():
        raise BadAddress("not every mail server takes such an address")
    return typed


def _validate(text: str, *, test_names: bool) -> ValidatedEmail:
    if "=?" in text:  # allowed by RFC 5322, and read as an encoded word (RFC 2047) by whatever meets it in a header
        raise BadAddress("no mailbox has such a name")
    try:
        return validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=True, test_environment=test_names
        )
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from None


def canonicalize(local: str, domain: str) -> str:
    """Return one spelling for all that reach one mailbox: case folded, aliases only where documented."""
    domain = domain.lower()
    domain = DOMAIN_ALIASES.get(domain, domain)
    local = local.casefold()
    if domain in PLUS_ALIAS_DOMAINS:
        local = local.split("+", 1)[0] or local
    if domain in DOT_INSENSITIVE_DOMAINS:
        local = local.replace(".", "") or local
    return f"{local}@{domain}"


def suggest_correction(text: str) -> str | None:
    """Return the address with its domain corrected if it looks like a slip for a well-known provider, else None."""
    local, _, domain = text.strip().rpartition("@")
    meant = _likely_domain(domain.lower()) if local else None
    return f"{local}@{meant}" if meant else None


@lru_cache(maxsize=4096)
def _likely_domain(domain: str) -> str | None:
    if (
        domain in WELL_KNOWN_DOMAINS
        or domain in LEGITIMATE_DOMAINS
        or domain in DOMAIN_ALIASES
        or domain in PLUS_ALIAS_DOMAINS
    ):
        return None
    if domain in DOMAIN_CORRECTIONS:
        return DOMAIN_CORRECTIONS[domain]
    for known in WELL_KNOWN_DOMAINS:
        # A short name is near to many real ones: only one slip is forgiven there.
        if domain[:1] == known[:1] and _edit_distance(domain, known) <= (1 if len(known) < 9 else 2):
            return known
    return None


def _edit_distance(typed: str, meant: str) -> int:
    """Count letters missed, added, changed or swapped (optimal string alignment distance)."""
    if abs(len(typed) - len(meant)) > 2:
        return 3
    before: list[int] = []
    previous = list(range(len(meant) + 1))
    for i, a in enumerate(typed, 1):
        row = [i]
        for j, b in enumerate(meant, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == meant[j - 2] and typed[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, previous = previous, row
    return previous[-1]
