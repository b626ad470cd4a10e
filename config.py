"""Read every setting from the environment, once, and refuse to start on a bad one."""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from limits import parse_many

SETTING_PREFIXES = ("PETITION_",)


class BadSetting(Exception):
    """A setting that cannot be used; its text is one line that names it and never shows a secret."""


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text) if text.strip().lstrip("-").isdigit() else None
        if value is None or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def _boolean(text: str) -> bool:
    values = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if text.strip().lower() not in values:
        raise ValueError("must be true or false")
    return values[text.strip().lower()]


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        wanted = " or ".join(f"{scheme}://…" for scheme in schemes)
        try:
            url = urlsplit(text.strip())
            port_is_sound = url.port is None or url.port > 0
        except ValueError:
            port_is_sound = False
        if not port_is_sound or url.scheme not in schemes or not (url.netloc or url.path.strip("/")):
            raise ValueError(f"must be a URL such as {wanted}")
        return text.strip()

    return parse


def _database(text: str) -> str:
    url = _url("postgresql", "postgres", "postgresql+psycopg")(text)
    return "postgresql+psycopg://" + url.split("://", 1)[1]


def _redis(*others: str) -> Callable[[str], str]:
    by_url = _url("redis", "rediss", *others)

    def parse(text: str) -> str:
        text = text.strip()
        if not text.startswith("sentinel://"):
            return by_url(text)
        place, _, name = text.removeprefix("sentinel://").partition("/")
        try:
            for host in place.rpartition("@")[2].split(","):
                _url("sentinel")(f"sentinel://{host}")
        except ValueError:
            name = ""
        if not re.fullmatch(r"[\w.-]+(/\d+)?", name):
            raise ValueError("must be such as sentinel://host:26379,host:26379/name-of-the-primary")
        return text

    return parse


def _public_url(text: str) -> str:
    return _url("https", "http")(text).rstrip("/")


def _list(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _rate_limits(text: str) -> list[str]:
    try:
        parse_many(";".join(_list(text)))
    except ValueError:
        raise ValueError("must be limits such as 30/minute, 300/hour") from None
    return _list(text)


def _single_line(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError("must be one line without control characters")
    return text


def _positive_seconds(text: str) -> float:
    value = _seconds(text)
    if not value:
        raise ValueError("must be a number of seconds, more than 0 and at most 86400")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise ValueError("must be a number of seconds, from 0 to 86400")
    return value


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(word) for word in _list(text)]
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, separated by commas") from None


def _path(text: str) -> Path:
    return Path(text)


@dataclass(frozen=True)
class Setting:
    """One setting: how it is read, what it is when unset, in which unit, and what it is for."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    unit: str
    purpose: str
    secret: bool = False


REQUIRED = object()

SETTINGS = (
    Setting("SECRET_KEY", _single_line, REQUIRED, "≥ 32 characters", "signs links and hashes addresses", secret=True),
    Setting("SECRET_KEY_FALLBACKS", _list, [], "keys, by comma", "earlier keys whose links still work", secret=True),
    Setting("DATABASE_URL", _database, REQUIRED, "URL", "PostgreSQL", secret=True),
    Setting("DATABASE_REPLICA_URL", _database, None, "URL", "its replica, for public lists and exports", secret=True),
    Setting("REDIS_URL", _redis(), REQUIRED, "URL", "Redis or Valkey", secret=True),
    Setting("BROKER_URL", _redis("amqp", "amqps"), None, "URL", "Celery's broker; REDIS_URL if unset", secret=True),
    Setting("PUBLIC_URL", _public_url, REQUIRED, "URL", "the address signers see, used in links"),
    Setting("PROXY_COUNT", _integer(0, 10), 0, "proxies", "trusted proxies in front of the app"),
    Setting("CONFIRM_WITHIN", _integer(1, 365), 14, "days", "life of a link, and of a signature never confirmed"),
    Setting("MAIL_SERVER", _single_line, "localhost", "host", "mail server"),
    Setting("MAIL_PORT", _integer(1, 65535), 25, "port", "its port"),
    Setting("MAIL_USE_TLS", _boolean, False, "boolean", "STARTTLS, certificate verified"),
    Setting("MAIL_USE_SSL", _boolean, False, "boolean", "TLS from the first byte, certificate verified"),
    Setting("MAIL_USERNAME", _single_line, None, "text", "login at the mail server"),
    Setting("MAIL_PASSWORD", _single_line, None, "text", "its password", secret=True),
    Setting("MAIL_DEFAULT_SENDER", _single_line, REQUIRED, "address", "From address of every email"),
    Setting("MAIL_TIMEOUT", _integer(1, 30), 10, "seconds", "longest wait for a reply of the mail server"),
    Setting("MAIL_MAX_EMAILS", _integer(1, 100_000), 500, "emails", "sent on one connection before it is renewed"),
    Setting("MAIL_SUPPRESS_SEND", _boolean, False, "boolean", "send nothing (Flask-Mail's switch)"),
    Setting("MAIL_DEBUG", _boolean, False, "boolean", "dialogue on stderr: shows addresses, never in production"),
    Setting("MAIL_ASCII_ATTACHMENTS", _boolean, False, "boolean", "Flask-Mail's; no email here has attachments"),
    Setting("PETITION_POOL_SIZE", _integer(1, 200), 10, "connections", "database connections kept by one process"),
    Setting("PETITION_CACHE_TTL", _seconds, 0.5, "seconds", "that pages and emails take a petition as it was"),
    Setting("PETITION_SIGN_LIMIT", _rate_limits, ["30/minute", "300/hour"], "limits", "signatures from one network"),
    Setting("PETITION_CLAIM_TIMEOUT", _integer(10, 600), 60, "seconds", "a dead worker's emails are taken over after this"),
    Setting("PETITION_SLOW_AFTER", _positive_seconds, 8.0, "seconds", "age of a waiting confirmation from which mail is slow"),
    Setting("PETITION_STUCK_AFTER", _positive_seconds, 60.0, "seconds", "the same, from which it is stuck"),
    Setting("PETITION_METRICS_TOKEN", _single_line, None, "text", "bearer token that may read /metrics", secret=True),
    Setting("PETITION_METRICS_ALLOW", _networks, [], "networks", "addresses that may read /metrics without a token"),
    Setting("PETITION_BOUNCE_MAILBOX", _url("imaps", "maildir"), None, "URL", "mailbox that bounces come to"),
    Setting("PETITION_BOUNCE_MAILBOX_PASSWORD", _single_line, None, "text", "its password", secret=True),
    Setting("PETITION_BOUNCE_WEBHOOK_SECRET", _single_line, None, "text", "shared with the mail provider's webhook", secret=True),
    Setting("PETITION_LOG_LEVEL", str.upper, "INFO", "level", "least level that is logged"),
    Setting("PETITION_EMBEDDED", _boolean, False, "boolean", "set by `petition up`"),
    Setting("PETITION_MAILBOX", _path, None, "folder", "embedded mailbox, set by `petition up`"),
    Setting("PETITION_READY_DIR", _path, None, "folder", "where a worker says it is ready, set by `petition up`"),
)  # fmt: skip
SETTING_NAMES = {setting.name for setting in SETTINGS}
SECRET_SETTING_NAMES = {setting.name for setting in SETTINGS if setting.secret}


class Config:
    """Hold every setting as an upper-case attribute, ready for `app.config.from_object`.

    Raises `BadSetting` naming the first setting that is unknown, missing or malformed. A secret may come from a file
    named by the same setting with `_FILE` appended.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        _reject_unknown(environ)
        values = {setting.name: _read_setting(setting, environ) for setting in SETTINGS}
        values["BROKER_URL"] = values["BROKER_URL"] or values["REDIS_URL"]
        _check_combinations(values)
        self.__dict__.update(values)


def _check_combinations(values: Mapping[str, Any]) -> None:
    keys = [("SECRET_KEY", values["SECRET_KEY"])] + [
        ("SECRET_KEY_FALLBACKS", key) for key in values["SECRET_KEY_FALLBACKS"]
    ]
    for name, key in keys:
        if len(key) < 32 and not values["PETITION_EMBEDDED"]:
            raise BadSetting(f"{name} is too short: at least 32 characters, for example from `openssl rand -hex 32`")
    if values["MAIL_USE_TLS"] and values["MAIL_USE_SSL"]:
        raise BadSetting("MAIL_USE_TLS and MAIL_USE_SSL exclude each other: STARTTLS, or TLS from the first byte")
    if values["PETITION_CLAIM_TIMEOUT"] < 3 * values["MAIL_TIMEOUT"]:
        raise BadSetting(
            "PETITION_CLAIM_TIMEOUT is shorter than three times MAIL_TIMEOUT: slow emails would be sent twice"
        )


def _reject_unknown(environ: Mapping[str, str]) -> None:
    known = SETTING_NAMES | {f"{name}_FILE" for name in SECRET_SETTING_NAMES}
    for name in sorted(environ):
        ours = name.startswith(SETTING_PREFIXES)
        near = difflib.get_close_matches(name, known, 1, 0.8 if ours else 0.88)
        # Another program's MAIL_HOST is none of our business; MAIL_SEVER very likely is.
        slip = name.startswith(("MAIL_", "SECRET_KEY")) and near
        if name not in known and (ours or slip):
            hint = f": did you mean {near[0]}?" if near else ": see the settings in README.md"
            raise BadSetting(f"{name} is not a setting{hint}")


def _read_setting(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = environ.get(setting.name)
    file = environ.get(f"{setting.name}_FILE") if setting.secret else None
    if text and file:
        raise BadSetting(f"{setting.name} and {setting.name}_FILE are both set: keep one")
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{setting.name}_FILE cannot be read: {type(error).__name__}") from None
    if not text:
        if setting.default is REQUIRED:
            raise BadSetting(f"{setting.name} is not set ({setting.purpose}); `petition up` needs no settings")
        return setting.default
    try:
        return setting.parse(text)
    except ValueError as error:
        raise BadSetting(f"{setting.name} {error}") from None
