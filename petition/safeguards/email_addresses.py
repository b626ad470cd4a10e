"""Email addresses: validation, a canonical form per mailbox, and corrections of mistyped domains."""

from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from flask import current_app

from petition.core.text import ascii_lower

# Providers that document aliases: they ignore what follows a +, and some of them dots in the name.
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
# The right name under the wrong top-level domain.
DOMAIN_CORRECTIONS = {"laposte.fr": "laposte.net", "gmail.fr": "gmail.com", "icloud.fr": "icloud.com"}
# Real domains within a small edit distance of a well-known one: never corrected.
LEGITIMATE_DOMAINS = {
    "mail.com", "email.com", "gmx.net", "gmx.de", "yahoo.de", "hotmail.de", "hotmail.it", "yahoo.it", "live.be",
    "orange.com", "sfc.fr", "fee.fr", "ymail.com", "outlook.de", "outlook.be", "yahoo.es", "free.com", "proton.ch",
}  # fmt: skip


class BadAddress(ValueError):
    """An invalid email address. The message is the validator's, in English."""


@dataclass(frozen=True)
class Address:
    """An address as typed, to which mail is sent, and its canonical form, which identifies the mailbox."""

    typed: str
    canonical: str


def parse_email_address(text: str) -> Address:
    """Return a valid address; its canonical form is the same for every spelling that reaches one mailbox.

    Accepts internationalised names and domains (RFC 6531). Raises `BadAddress`.
    """
    # Tests and the demo use `.test` domains (RFC 6761), in embedded mode only.
    validated = _validate(text, test_names=current_app.config["PETITION_EMBEDDED"])
    return Address(validated.normalized, canonicalize(validated.local_part, validated.ascii_domain or validated.domain))


def parse_reply_address(text: str) -> str:
    """Return a valid ASCII address, which every email can carry in a header. Raises `BadAddress`.

    Mail is not sent to it, so `.test` domains are always valid, and no application context is needed.
    """
    typed = _validate(text, test_names=True).normalized
    if not typed.isascii():
        raise BadAddress("only ASCII is accepted by every mail server")
    return typed


def _validate(text: str, *, test_names: bool) -> ValidatedEmail:
    if "=?" in text:  # valid in RFC 5322, but decoded as an encoded word (RFC 2047) in a header
        raise BadAddress("=? is not allowed")
    try:
        return validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=True, test_environment=test_names
        )
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from None


def canonicalize(local: str, domain: str) -> str:
    """Return one spelling for all that reach a mailbox: ASCII letters in lower case, documented aliases removed.

    `domain` is in ASCII. In the name before the @, only ASCII letters lose their case: `ſ` and `s`, `ß` and `ss` are
    different mailboxes. A server may tell `Zoe` from `zoe` (RFC 5321, 2.4); hardly any does, and one mailbox in 2^n
    spellings would count as often. Where one does, this merges two mailboxes, which does no harm: an address in
    another spelling changes nothing of a signature, and never where its links go (`signatures/sign_requests.py`).
    """
    domain = ascii_lower(domain)
    domain = DOMAIN_ALIASES.get(domain, domain)
    local = ascii_lower(local)
    if domain in PLUS_ALIAS_DOMAINS:
        local = local.split("+", 1)[0] or local
    if domain in DOT_INSENSITIVE_DOMAINS:
        local = local.replace(".", "") or local
    return f"{local}@{domain}"


def canonicalize_mailbox(address: str) -> str:
    """Return one spelling for all that may reach a mailbox: what follows a + is set aside for every domain.

    Coarser than `canonicalize`, as most servers deliver such subaddresses (RFC 5233) to one person: for limits, and
    not to identify anybody. `address` has its domain in ASCII.
    """
    local, _, domain = address.rpartition("@")
    return canonicalize(local.split("+", 1)[0] or local, domain)


def suggest_correction(text: str) -> str | None:
    """Return the address with the domain that was probably meant, None if it does not look mistyped."""
    local, _, domain = text.strip().rpartition("@")
    corrected = _likely_domain(domain.lower()) if local else None
    return f"{local}@{corrected}" if corrected else None


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
        # Short domains are close to many real ones: at most one edit.
        if domain[:1] == known[:1] and _edit_distance(domain, known) <= (1 if len(known) < 9 else 2):
            return known
    return None


def _edit_distance(typed: str, expected: str) -> int:
    """Return the optimal string alignment distance: letters missing, added, changed or swapped; 3 for more than 2."""
    if abs(len(typed) - len(expected)) > 2:
        return 3
    before: list[int] = []
    previous = list(range(len(expected) + 1))
    for i, a in enumerate(typed, 1):
        row = [i]
        for j, b in enumerate(expected, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == expected[j - 2] and typed[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, previous = previous, row
    return previous[-1]
