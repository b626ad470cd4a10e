"""Check the DKIM keys that a domain publishes (RFC 6376, 3.6.1)."""

import base64
import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from petition.core.i18n import N_
from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.findings import Finding, ok, warning, wrong

CHECK = "DKIM"
MIN_BITS, RECOMMENDED_BITS = 1024, 2048  # RFC 8301, 3.2
SEPARATOR = "._domainkey."
LABELS = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*"
HOST_PATTERN = re.compile(LABELS)
SELECTOR_PATTERN = re.compile(LABELS)  # a selector may have dots (RFC 6376, 3.1), a whole name has


def parse_tags(record: str) -> dict[str, str]:
    """Return the tags of a `tag=value; …` record, as DKIM and DMARC have them."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def make_name(selector: str, domain: str) -> str:
    """Return the name of a key: `selector` may be one, or the whole name."""
    return selector.rstrip(".") if SEPARATOR in selector else f"{selector}{SEPARATOR}{domain}"


def get_signing_domain(name: str) -> str:
    """Return the domain (`d=`) of the name of a key."""
    return name.partition(SEPARATOR)[2].lower()


def check_dkim(resolver: Resolver, domain: str, selectors: list[str]) -> list[Finding]:
    """Return what is found about each selector's key. Raises `DnsUnanswered`."""
    if not selectors:
        text = N_("DKIM is not checked: DNS cannot be asked for all keys of a domain.")
        advice = N_(
            "Send a test email (--send-to), show its source, and give the s= of its DKIM-Signature as --dkim-selector. "
            "Without that header your relay does not sign: switch it on there."
        )
        return [warning(CHECK, text, advice)]
    findings = []
    for selector in selectors:
        name = make_name(selector, domain)
        findings += _check_key(name, resolver.lookup(name, "TXT"))
    return findings


def _check_key(name: str, records: list[str]) -> list[Finding]:
    if not records:
        text = N_("There is no DKIM key at %(name)s: signatures with this selector fail.")
        advice = N_("Add the TXT or CNAME record that your relay shows for %(name)s.")
        return [wrong(CHECK, text, advice, name=name)]
    if len(records) > 1:
        text = N_("There are %(count)d records at %(name)s: which key is used is undefined.")
        return [wrong(CHECK, text, N_("Keep the newest one only."), name=name, count=len(records))]
    tags = parse_tags(records[0])
    problem = _find_problem(tags)
    if problem:
        text, advice = problem
        return [wrong(CHECK, text, advice, name=name)]
    return [*_check_flags(name, tags), *_check_length(name, tags)] or [
        ok(CHECK, N_("The DKIM key at %(name)s is usable."), name=name)
    ]


def _find_problem(tags: dict[str, str]) -> tuple[str, str] | None:
    copy = N_("Copy the record from your relay again, whole.")
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return N_("What is at %(name)s is not a DKIM key."), copy
    if not tags["p"]:
        return N_("The DKIM key at %(name)s is revoked (p= is empty)."), N_("Use your relay’s current selector.")
    if "sha256" not in tags.get("h", "sha256").replace(" ", "").lower().split(":"):
        return N_("The DKIM key at %(name)s allows no SHA-256 (h=)."), N_("Remove its h= tag.")
    if not {"*", "email"} & set(tags.get("s", "*").replace(" ", "").split(":")):
        return N_("The DKIM key at %(name)s is not for email (s=)."), N_("Remove its s= tag.")
    if tags.get("k", "rsa") == "rsa" and _count_bits(tags["p"]) is None:
        return N_("The DKIM key at %(name)s cannot be read: it was probably cut off."), copy
    return None


def _count_bits(encoded: str) -> int | None:
    """Return the length of an RSA key, None for what is not one."""
    try:
        key = load_der_public_key(base64.b64decode("".join(encoded.split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None


def _check_flags(name: str, tags: dict[str, str]) -> list[Finding]:
    if "y" not in tags.get("t", "").replace(" ", "").split(":"):
        return []
    text = N_("The DKIM key at %(name)s is in test mode (t=y): receivers may ignore it.")
    return [warning(CHECK, text, N_("Remove t=y."), name=name)]


def _check_length(name: str, tags: dict[str, str]) -> list[Finding]:
    if tags.get("k", "rsa") != "rsa":
        text = N_("The DKIM key at %(name)s is not RSA: not every provider verifies it.")
        return [warning(CHECK, text, N_("Sign with an RSA key of 2048 bits too."), name=name)]
    bits = _count_bits(tags["p"]) or 0
    text = N_("The DKIM key at %(name)s has %(bits)d bits only.")
    advice = N_("Have your relay make a key of 2048 bits, and publish that.")
    if bits < MIN_BITS:
        return [wrong(CHECK, text, advice, name=name, bits=bits)]
    return [warning(CHECK, text, advice, name=name, bits=bits)] if bits < RECOMMENDED_BITS else []
