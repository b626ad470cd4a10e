"""Read every setting from the environment, once, and refuse to start on a bad one."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environs import Env, EnvError, EnvNotSetError, validate

from petition.core.languages.language_codes import SHIPPED_LANGUAGES
from petition.core.settings.checks import BadSetting, check_combinations
from petition.core.settings.parsers import PARSERS

# How Kubernetes names the address of a Service called petition or petition-…, where `enableServiceLinks` is on.
KUBERNETES_PATTERN = re.compile(r"PETITION_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")


@dataclass(frozen=True)
class Kind:
    """A kind of value: its parser in environs or `PARSERS`, the end of "NAME must be …", and bounds."""

    parser: str
    expected: str
    bounds: validate.Validator | None = None


def _integer(low: int, high: int) -> Kind:
    return Kind("whole_number", f"a whole number from {low} to {high}", validate.Range(low, high))


REDIS_URL_EXPECTED = "a URL such as redis://…, rediss://… or sentinel://host:26379,host:26379/name-of-the-primary"
TEXT = Kind("str", "one line without control characters", validate.Regexp(r"[^\x00-\x1f]+\Z"))
BOOLEAN = Kind("bool", "true or false")
SECONDS = Kind("float", "a number of seconds from 0 to 86400", validate.Range(0, 86400))
POSITIVE_SECONDS = Kind(
    "float", "a number of seconds, more than 0 and at most 86400", validate.Range(0, 86400, min_inclusive=False)
)
PATH = Kind("path", "a path")
LOG_LEVEL = Kind("log_level", "DEBUG, INFO, WARNING, ERROR or CRITICAL")
WORDS = Kind("words", "a list separated by commas")
LANGUAGES = Kind("languages", "codes of languages such as fr, en, es, separated by commas")
LAB_DOMAINS = Kind("lab_domains", "domains such as test, internal, separated by commas")
EMAIL_DOMAINS = Kind("lab_domains", "domains such as example.org, separated by commas")
SIGN_IN_ROLES = Kind("sign_in_roles", "a list such as admin=board, campaigner=press, sender=press")
CLAIM = Kind("claim", "a claim and its value, such as department=campaigns")
SNS_TOPICS = Kind("sns_topics", "topics such as arn:aws:sns:eu-west-3:123456789012:bounces, separated by commas")
MAIL_RELAYS = Kind("mail_relays", "URLs such as smtps://user:password@host?share=2, separated by commas")
RATE_LIMITS = Kind("rate_limits", "limits such as 30/minute, 300/hour")
RATE_LIMIT = Kind("rate_limit", "one limit such as 10/day")
NETWORKS = Kind("networks", "networks such as 10.0.0.0/8, separated by commas")
HOSTS = Kind("hosts", "names or addresses such as web, 10.0.0.5, without port, separated by commas")
DATABASE_URL = Kind("database_url", "a URL such as postgresql://…")
REDIS_URL = Kind("redis_url", REDIS_URL_EXPECTED)
BROKER_URL = Kind("broker_url", f"{REDIS_URL_EXPECTED}, amqp://… or amqps://…")
WEB_URL = Kind("web_url", "a URL such as https://petition.example.org, a host of its own without a path")
INTEGRITY = Kind("str", "off, watch or hold", validate.OneOf(("off", "watch", "hold")))
SCORE = Kind("float", "a number from 0.5 to 20", validate.Range(0.5, 20))
HOST = Kind("host", "a name or an address such as mail.example.org, without scheme and port (that is MAIL_PORT)")
SENDER = Kind("sender", 'an address such as petition@your-domain.org, or "A name <petition@your-domain.org>"')
DKIM_KEY = Kind("dkim_key", "a private key in PEM, RSA of 1024 bits or more or Ed25519, without a passphrase")
DKIM_SELECTOR = Kind(
    "str",
    "a selector such as s1 (letters, digits, hyphens, dots)",
    validate.Regexp(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z"),
)
SEED = Kind("seed", "32 random bytes in base64, as `petition count-log new-key` prints them")
VERIFIER_KEYS = Kind("verifier_keys", "keys such as example.org+1a2b3c4d+BKh…, separated by commas")
ENDPOINT_URL = Kind("endpoint_url", "a URL such as https://alerts.example.org/path")
WEBHOOK_SECRET = Kind(
    "str", "whsec_ and at least 32 characters of base64", validate.Regexp(r"whsec_[A-Za-z0-9+/]{32,}={0,2}\Z")
)
MAILBOX_URL = Kind("mailbox_url", "a URL such as imaps://… or maildir://…")


@dataclass(frozen=True)
class Setting:
    """One setting; unit, default and purpose are its row in README.md."""

    name: str
    kind: Kind
    default: Any
    unit: str
    purpose: str
    secret: bool = False


REQUIRED = object()

SETTINGS = (
    Setting("SECRET_KEY", TEXT, REQUIRED, "≥ 32 characters", "signs links and hashes addresses", secret=True),
    Setting("SECRET_KEY_FALLBACKS", WORDS, [], "keys, by comma", "earlier keys, whose links still work", secret=True),
    Setting("DATABASE_URL", DATABASE_URL, REQUIRED, "URL", "PostgreSQL", secret=True),
    Setting("DATABASE_REPLICA_URL", DATABASE_URL, None, "URL",
        "its read replica, for public lists and exports", secret=True),
    Setting("REDIS_URL", REDIS_URL, REQUIRED, "URL", "Redis or Valkey", secret=True),
    Setting("BROKER_URL", BROKER_URL, None, "URL", "Celery's broker; REDIS_URL if unset", secret=True),
    Setting("PUBLIC_URL", WEB_URL, REQUIRED, "URL", "public address of the site, used in links"),
    Setting("PETITION_ORGANISATION", TEXT, None, "text", "who runs the site, in the bar of the team's pages"),
    Setting("PETITION_LANGUAGES", LANGUAGES, list(SHIPPED_LANGUAGES), "codes, by comma",
            "languages of the pages; the site's own first"),
    Setting("PETITION_TRANSLATIONS", PATH, None, "folder", "catalogues of more languages: docs/translating.md"),
    Setting("PETITION_HOSTS", HOSTS, [], "hosts, by comma",
        "more names and addresses that the site answers to, beside PUBLIC_URL's and loopback"),
    Setting("PETITION_LAB_DOMAINS", LAB_DOMAINS, [], "domains, by comma",
        "special-use domains, such as test, whose addresses may sign: for a lab"),
    Setting("PROXY_COUNT", _integer(0, 10), 0, "proxies", "trusted proxies in front of the app"),
    Setting("CONFIRM_WITHIN", _integer(1, 365), 14, "days", "lifetime of a link and of an unconfirmed signature"),
    Setting("PETITION_KEEP_NETWORKS", _integer(1, 365), 30, "days", "hashes of signers' networks, after closing"),
    Setting("PETITION_KEEP_SIGNATURES", _integer(1, 120), 12, "months", "signers' names and addresses, after closing"),
    Setting("PETITION_KEEP_HANDED_OVER", _integer(1, 3650), 90, "days", "the same, after the handover if sooner"),
    Setting("PETITION_KEEP_DELIVERIES", _integer(30, 3650), 90, "days", "rows of emails; daily counts stay"),
    Setting("MAIL_SERVER", HOST, "localhost", "host", "mail server"),
    Setting("MAIL_PORT", _integer(1, 65535), 25, "port", "its port"),
    Setting("MAIL_USE_TLS", BOOLEAN, False, "boolean", "STARTTLS, certificate verified"),
    Setting("MAIL_USE_SSL", BOOLEAN, False, "boolean", "TLS from the first byte, certificate verified"),
    Setting("MAIL_USERNAME", TEXT, None, "text", "login at the mail server"),
    Setting("MAIL_PASSWORD", TEXT, None, "text", "its password", secret=True),
    Setting("MAIL_RELAYS", MAIL_RELAYS, [], "URLs, by comma",
        "several mail servers in place of MAIL_SERVER: docs/deployment.md", secret=True),
    Setting("MAIL_DEFAULT_SENDER", SENDER, REQUIRED, "address", "From address of every email"),
    Setting("MAIL_TIMEOUT", _integer(1, 30), 10, "seconds", "timeout of each reply of the mail server"),
    Setting("MAIL_MAX_EMAILS", _integer(1, 100_000), 500, "emails", "sent on one connection before it is renewed"),
    Setting("MAIL_SUPPRESS_SEND", BOOLEAN, False, "boolean", "send nothing (Flask-Mail's switch)"),
    Setting("MAIL_DEBUG", BOOLEAN, False, "boolean", "SMTP dialogue on stderr, with addresses: never in production"),
    Setting("MAIL_ASCII_ATTACHMENTS", BOOLEAN, False, "boolean", "Flask-Mail's; has no effect here"),
    Setting("PETITION_DKIM_SELECTOR", DKIM_SELECTOR, None, "selector", "signs every email with DKIM, under this name"),
    Setting("PETITION_DKIM_KEY", DKIM_KEY, None, "PEM", "its private key", secret=True),
    Setting("PETITION_DKIM_SECOND_SELECTOR", DKIM_SELECTOR, None, "selector",
        "a second signature: the next key of a rotation, or one of another algorithm"),
    Setting("PETITION_DKIM_SECOND_KEY", DKIM_KEY, None, "PEM", "its private key", secret=True),
    Setting("PETITION_COUNT_LOG_KEY", SEED, None, "base64", "signs the public log of the count: docs/integrity.md",
        secret=True),
    Setting("PETITION_COUNT_LOG_WITNESSES", VERIFIER_KEYS, [], "keys, by comma", "whose signatures of it are kept"),
    Setting("PETITION_INTEGRITY", INTEGRITY, "hold", "choice",
        "clusters of signatures that look forged: not looked for, shown, quarantined"),
    Setting("PETITION_INTEGRITY_WINDOW", _integer(1, 168), 24, "hours", "how far back clusters are looked for"),
    Setting("PETITION_INTEGRITY_CLUSTER", _integer(5, 10_000), 30, "signatures", "from which a cluster is looked at"),
    Setting("PETITION_INTEGRITY_SCORE", SCORE, 2.0, "points", "from which it is held: docs/integrity.md"),
    Setting("PETITION_INTEGRITY_DNS", BOOLEAN, True, "boolean", "ask who receives the mail of signers’ domains"),
    Setting("PETITION_TIMESTAMP_URL", ENDPOINT_URL, None, "URL", "RFC 3161 service that timestamps it once an hour"),
    Setting("PETITION_POOL_SIZE", _integer(1, 200), 10, "connections", "pooled database connections of one process"),
    Setting("PETITION_CACHE_TTL", SECONDS, 0.5, "seconds", "how long pages and emails use cached data"),
    Setting("PETITION_SIGN_LIMIT", RATE_LIMITS, ["30/minute", "300/hour"], "limits", "signatures from one network"),
    Setting("PETITION_ATTACK_SIGNATURES", _integer(0, 1_000_000), 300, "signatures",
        "unconfirmed within 10 minutes, and far more than usual: the form asks for proof of work; 0: never by itself"),
    Setting("PETITION_MAILBOX_LIMIT", RATE_LIMIT, "10/day", "limit", "emails to one mailbox, mailings apart"),
    Setting("PETITION_DOMAIN_LIMIT", RATE_LIMIT, "1000/day", "limit",
        "emails to one domain that is no large provider's, mailings apart"),
    Setting("PETITION_CLAIM_TIMEOUT", _integer(10, 600), 60, "seconds",
        "lease after which a dead worker's emails are claimed again"),
    Setting("PETITION_SLOW_AFTER", POSITIVE_SECONDS, 8.0, "seconds",
        "age of a waiting confirmation from which mail is slow"),
    Setting("PETITION_STUCK_AFTER", POSITIVE_SECONDS, 60.0, "seconds",
        "age of a waiting confirmation from which mail is stuck"),
    Setting("PETITION_METRICS_TOKEN", TEXT, None, "text", "bearer token accepted by /metrics", secret=True),
    Setting("PETITION_METRICS_ALLOW", NETWORKS, [], "networks", "networks that may read /metrics without a token"),
    Setting("PETITION_BOUNCE_MAILBOX", MAILBOX_URL, None, "URL", "mailbox that receives bounces"),
    Setting("PETITION_BOUNCE_MAILBOX_PASSWORD", TEXT, None, "text", "its password", secret=True),
    Setting("PETITION_BOUNCE_MAILBOX_CA", PATH, None, "file",
        "certificate authorities of that mailbox's server; the system's if unset"),
    Setting("PETITION_BOUNCE_MAILBOX_INSECURE", BOOLEAN, False, "boolean",
        "do not verify its certificate: on this host (loopback) only"),
    Setting("PETITION_REPLIES_TO", SENDER, None, "address",
        "the team's address, to which replies by people in the bounce mailbox are forwarded"),
    Setting("PETITION_BOUNCE_WEBHOOK_SECRET", TEXT, None, "text",
        "shared with the mail provider's webhook", secret=True),
    Setting("PETITION_SNS_TOPIC", SNS_TOPICS, [], "ARNs, by comma",
        "topics of Amazon SNS whose signed messages alone are accepted, and whose subscription is confirmed"),
    Setting("PETITION_JOURNAL", PATH, None, "file",
        "erasures and withdrawals as keyed hashes, kept beside the backup; written by the maintenance worker"),
    Setting("PETITION_ALERT_WEBHOOK", ENDPOINT_URL, None, "URL",
        "where alerts about troubles, and of their end, are sent: docs/operations.md"),
    Setting("PETITION_ALERT_WEBHOOK_SECRET", WEBHOOK_SECRET, None, "whsec_…", "signs these alerts", secret=True),
    Setting("PETITION_WEBHOOK_LOCAL", BOOLEAN, False, "boolean",
        "webhooks may go to this host (loopback), by http too: for trying them out"),
    Setting("PETITION_OTLP_URL", ENDPOINT_URL, None, "URL",
        "where OpenTelemetry's spans are sent, by OTLP over HTTP; needs the extra `tracing`"),
    Setting("PETITION_OIDC_ISSUER", ENDPOINT_URL, None, "URL",
        "the team's own sign-in provider (OpenID Connect): docs/sign-in.md"),
    Setting("PETITION_OIDC_CLIENT_ID", TEXT, None, "text", "this site's client there"),
    Setting("PETITION_OIDC_CLIENT_SECRET", TEXT, None, "text", "its secret", secret=True),
    Setting("PETITION_OIDC_LABEL", TEXT, None, "text", "what the button calls the provider; its host if unset"),
    Setting("PETITION_OIDC_DOMAINS", EMAIL_DOMAINS, [], "domains, by comma", "whose addresses may sign in by it"),
    Setting("PETITION_OIDC_REQUIRED_CLAIM", CLAIM, None, "claim=value", "without which nobody signs in by it"),
    Setting("PETITION_OIDC_ROLES", SIGN_IN_ROLES, {}, "role=value, by comma",
        "roles by values of a claim, which also makes accounts; else an account must exist"),
    Setting("PETITION_OIDC_ROLE_CLAIM", TEXT, "groups", "claim", "that claim; a.b is one inside another"),
    Setting("PETITION_OIDC_TRUST_SECOND_FACTOR", BOOLEAN, False, "boolean",
        "the provider asks everybody for a second factor, so none is asked here; if false, where it says it did"),
    Setting("PETITION_LOG_LEVEL", LOG_LEVEL, "INFO", "level", "lowest level that is logged"),
    Setting("PETITION_EMBEDDED", BOOLEAN, False, "boolean", "set by `petition up`"),
    Setting("PETITION_MAILBOX", PATH, None, "folder", "embedded mailbox, set by `petition up`"),
    Setting("PETITION_READY_DIR", PATH, None, "folder", "where a worker says it is ready, set by `petition up`"),
)  # fmt: skip
SETTING_NAMES = {setting.name for setting in SETTINGS}
SECRET_SETTING_NAMES = {setting.name for setting in SETTINGS if setting.secret}


class SettingsEnv(Env):
    """environs on a mapping in place of `os.environ`, with a `_FILE` form for each secret; empty counts as unset.

    environs' own `FileAwareEnv` reads `os.environ` only, and lets one form override the other without a word.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._source = environ
        for name, parser in PARSERS.items():
            self.add_parser(name, parser)

    def _get_value(self, env_key: str, default: Any) -> Any:
        text = self._source.get(env_key)
        path = self._source.get(f"{env_key}_FILE") if env_key in SECRET_SETTING_NAMES else None
        if text and path:
            raise BadSetting(f"{env_key} and {env_key}_FILE are both set: remove one")
        if path:
            try:
                text = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise BadSetting(f"{env_key}_FILE cannot be read: {type(error).__name__}") from None
        return text or default


class Config:
    """Every setting as an upper-case attribute, ready for `app.config.from_object`.

    Raises `BadSetting` naming the first setting that is unknown, missing or malformed. A secret may come from a file
    named by the same setting with `_FILE` appended.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        _reject_unknown(environ)
        env = SettingsEnv(environ)
        values = {setting.name: _read_setting(env, setting) for setting in SETTINGS}
        values["BROKER_URL"] = values["BROKER_URL"] or values["REDIS_URL"]
        check_combinations(values)
        self.__dict__.update(values)


def _read_setting(env: Env, setting: Setting) -> Any:
    options = {"validate": setting.kind.bounds} if setting.kind.bounds else {}
    try:
        return getattr(env, setting.kind.parser)(setting.name, **options)
    except EnvNotSetError:
        if setting.default is REQUIRED:
            raise BadSetting(
                f"{setting.name} is not set ({setting.purpose}); `petition up` needs no settings"
            ) from None
        return setting.default
    except EnvError:
        # Not the library's own message, which may quote the value.
        raise BadSetting(f"{setting.name} must be {setting.kind.expected}") from None


def _reject_unknown(environ: Mapping[str, str]) -> None:
    known = SETTING_NAMES | {f"{name}_FILE" for name in SECRET_SETTING_NAMES}
    unknown = sorted(environ.keys() - known)
    if "KUBERNETES_SERVICE_HOST" in environ:
        unknown = [name for name in unknown if not KUBERNETES_PATTERN.fullmatch(name)]
    for name in unknown:
        is_ours = name.startswith("PETITION_")
        close = difflib.get_close_matches(name, known, 1, 0.8 if is_ours else 0.88)
        # Another program's MAIL_HOST is not ours to reject; MAIL_SEVER very likely is a typing error.
        if is_ours or (close and name.startswith(("MAIL_", "SECRET_KEY"))):
            hint = f": did you mean {close[0]}?" if close else ": see the settings in README.md"
            raise BadSetting(f"{name} is not a setting{hint}")
