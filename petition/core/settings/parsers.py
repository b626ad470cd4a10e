"""Parse the values of settings for which environs has no parser; each function raises `ValidationError`."""

import base64
import ipaddress
import re
from collections.abc import Callable
from email.utils import getaddresses
from typing import Any
from urllib.parse import urlsplit

from environs import ValidationError, validate
from limits import parse_many

from petition.core.languages.language_codes import split_codes
from petition.core.settings.mail_relays import MailRelay, parse_relay

# A name in any script, or an IP address; brackets around an IPv6 address may be left out.
HOST_PATTERN = re.compile(
    r"\w(?:[\w-]{0,61}\w)?(?:\.\w(?:[\w-]{0,61}\w)?)*|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?"
)
SENDER_PATTERN = re.compile(r"[^@\s<>,;\"]+@\w(?:[\w-]{0,61}\w)?(?:\.\w(?:[\w-]{0,61}\w)?)*")
# A verifier key of a signed note (https://c2sp.org/signed-note).
VERIFIER_KEY_PATTERN = re.compile(r"[^\s+,]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}")
# Those of `petition.team.models.TeamRole`, which a test compares.
TEAM_ROLE_NAMES = ("operator", "campaigner", "sender", "admin")


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        text = text.strip()
        try:
            url = urlsplit(text)
            valid = url.port != 0 and url.scheme in schemes and bool(url.netloc or url.path.strip("/"))
        except ValueError:  # raised by `port`
            valid = False
        if not valid:
            raise ValidationError("invalid URL")
        return text

    return parse


def _database_url(text: str) -> str:
    url = _url("postgresql", "postgres", "postgresql+psycopg")(text)
    return "postgresql+psycopg://" + url.split("://", 1)[1]


def _redis_url(*other_schemes: str) -> Callable[[str], str]:
    parse_url = _url("redis", "rediss", *other_schemes)

    def parse(text: str) -> str:
        text = text.strip()
        if not text.startswith("sentinel://"):
            return parse_url(text)
        netloc, _, path = text.removeprefix("sentinel://").partition("/")
        for host in netloc.rpartition("@")[2].split(","):
            _url("sentinel")(f"sentinel://{host}")
        if not re.fullmatch(r"[\w.-]+(/\d+)?", path):
            raise ValidationError("no name of a primary")
        return text

    return parse


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _languages(text: str) -> list[str]:
    try:
        return split_codes(text)
    except ValueError:
        raise ValidationError("invalid language") from None


def _hosts(text: str) -> list[str]:
    hosts = _words(text)
    if not all(HOST_PATTERN.fullmatch(host) for host in hosts):
        raise ValidationError("invalid host")
    return hosts


def _lab_domains(text: str) -> list[str]:
    names = [word.lower().removeprefix(".") for word in _words(text)]
    if not all(re.fullmatch(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", name) for name in names):
        raise ValidationError("invalid domain")
    return names


def _sign_in_roles(text: str) -> dict[str, set[str]]:
    roles: dict[str, set[str]] = {}
    for entry in text.split(","):
        role, equals, value = entry.strip().partition("=")
        if role not in TEAM_ROLE_NAMES or not equals or not value.strip():
            raise ValidationError("invalid role")
        roles.setdefault(value.strip(), set()).add(role)
    return roles


def _claim(text: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        raise ValidationError("invalid claim")
    return name, value


def _sns_topics(text: str) -> list[str]:
    topics = _words(text)
    if not all(re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+", topic) for topic in topics):
        raise ValidationError("invalid ARN")
    return topics


def _web_url(text: str) -> str:
    url = _url("https", "http")(text).rstrip("/")
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValidationError("not a whole host")
    if not HOST_PATTERN.fullmatch(parts.hostname or ""):
        raise ValidationError("invalid host")
    return url


def _endpoint_url(text: str) -> str:
    url = _url("https", "http")(text)
    if not HOST_PATTERN.fullmatch(urlsplit(url).hostname or "") or not url.isascii() or re.search(r"\s", url):
        raise ValidationError("invalid URL")
    return url


def _rate_limits(text: str) -> list[str]:
    limits = _words(text)
    try:
        parsed = parse_many(";".join(limits))
    except ValueError as error:
        raise ValidationError("invalid rate limit") from error
    if any(limit.amount < 1 for limit in parsed):  # nobody would get through
        raise ValidationError("rate limit of nothing")
    return limits


def _mail_relays(text: str) -> list[MailRelay]:
    try:
        return [parse_relay(word) for word in _words(text)]
    except ValueError:
        raise ValidationError("invalid relay") from None


def _rate_limit(text: str) -> str:
    limits = _rate_limits(text)
    if len(limits) != 1 or len(parse_many(limits[0])) != 1:
        raise ValidationError("not one rate limit")
    return limits[0]


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(word) for word in _words(text)]
    except ValueError as error:
        raise ValidationError("invalid network") from error


def _seed(text: str) -> str:
    if len(_decode_base64(text)) != 32:
        raise ValidationError("not 32 bytes")
    return text


def _verifier_keys(text: str) -> list[str]:
    keys = _words(text)
    if not all(VERIFIER_KEY_PATTERN.fullmatch(key) for key in keys):
        raise ValidationError("invalid key")
    return keys


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValidationError("not base64") from error


def _dkim_key(text: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415 - slow, and only here
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError) as error:
        raise ValidationError("invalid key") from error
    is_rsa = isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 1024  # RFC 8301, 3.2
    if not is_rsa and not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValidationError("invalid key")
    return text


def _sender(text: str) -> str:
    addresses = getaddresses([text])
    address = addresses[0][1]
    local = address.rpartition("@")[0]
    # One address alone, whose local part every mail server takes.
    valid = len(addresses) == 1 and SENDER_PATTERN.fullmatch(address) and local.isascii() and len(local) <= 64
    if not valid or not text.isprintable():
        raise ValidationError("invalid address")
    return text


def _whole_number(text: str, **options: validate.Validator) -> int:
    # Not what Python takes for one as well: 1_000, digits of other scripts.
    if not re.fullmatch(r"-?[0-9]{1,9}", text.strip()):
        raise ValidationError("no whole number")
    value: int = options["validate"](int(text))  # environs leaves that to a parser of ours
    return value


def _host(text: str) -> str:
    if not HOST_PATTERN.fullmatch(text.strip()):
        raise ValidationError("invalid host")
    return text.strip()


# What environs has no parser for; each raises `ValidationError`.
PARSERS: dict[str, Callable[[str], Any]] = {
    "database_url": _database_url,
    "redis_url": _redis_url(),
    "broker_url": _redis_url("amqp", "amqps"),
    "web_url": _web_url,
    "endpoint_url": _endpoint_url,
    "mailbox_url": _url("imaps", "maildir"),
    "words": _words,
    "hosts": _hosts,
    "languages": _languages,
    "lab_domains": _lab_domains,
    "sns_topics": _sns_topics,
    "sign_in_roles": _sign_in_roles,
    "claim": _claim,
    "mail_relays": _mail_relays,
    "rate_limits": _rate_limits,
    "rate_limit": _rate_limit,
    "networks": _networks,
    "dkim_key": _dkim_key,
    "seed": _seed,
    "verifier_keys": _verifier_keys,
    "sender": _sender,
    "whole_number": _whole_number,
    "host": _host,
}
