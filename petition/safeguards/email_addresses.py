"""Email addresses: validation, and a canonical form per mailbox."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
# Invisible characters that come along when an address is copied, of no use in any: no-break spaces, zero width space
# and no-break space (BOM), word joiner, soft hyphen, directional marks.
INVISIBLE_CHARACTERS = re.compile(
    "[\u00a0\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202f\u2060-\u2064\u2066-\u206f\ufeff]"
)


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
    # Tests and the demo use `.test` domains, in embedded mode only; a lab names its own.
    config = current_app.config
    special = [*config["PETITION_LAB_DOMAINS"], *(["test"] if config["PETITION_EMBEDDED"] else [])]
    validated, lab_domain = _validate(text, special)
    ascii_domain = _restore(validated.ascii_domain or validated.domain, lab_domain)
    return Address(_restore(validated.normalized, lab_domain), canonicalize(validated.local_part, ascii_domain))


def parse_reply_address(text: str) -> str:
    """Return a valid ASCII address, which every email can carry in a header. Raises `BadAddress`.

    Mail is not sent to it, so `.test` domains are always valid, and no application context is needed.
    """
    typed = _validate(text, ["test"])[0].normalized
    if not typed.isascii():
        raise BadAddress("only ASCII is accepted by every mail server")
    return typed


def _validate(text: str, special: Sequence[str]) -> tuple[ValidatedEmail, str]:
    """Validate an address; of the special-use domains (RFC 6761) only those in `special` are valid.

    The validator knows one of them, `.test`, which stands for the others: what it stands for is returned, too.
    """
    text = strip_invisible(text)
    lab_domain = next((name for name in special if ascii_lower(text).endswith(f".{name}")), "")
    if lab_domain:
        text = f"{text[: -len(lab_domain)]}test"
    if "=?" in text:  # valid in RFC 5322, but decoded as an encoded word (RFC 2047) in a header
        raise BadAddress("=? is not allowed")
    try:
        validated = validate_email(
            text, check_deliverability=False, allow_smtputf8=True, test_environment=bool(lab_domain)
        )
    except EmailNotValidError as error:
        raise BadAddress(str(error)) from None
    return validated, lab_domain


def _restore(text: str, lab_domain: str) -> str:
    return f"{text.removesuffix('test')}{lab_domain}" if lab_domain else text


def strip_invisible(text: str) -> str:
    """Return a typed address without spaces around it, and without invisible characters anywhere."""
    return INVISIBLE_CHARACTERS.sub("", text).strip()


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
