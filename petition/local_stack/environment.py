"""The settings that a stack of one machine runs with: what is given stays, what lacks is filled in."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

SETTING_NAMES = {"DATABASE_URL", "REDIS_URL", "BROKER_URL", "PUBLIC_URL", "PROXY_COUNT", "CONFIRM_WITHIN"}
SETTING_PREFIXES = ("SECRET_KEY", "MAIL_", "PETITION_")
# They describe a mail server that the embedded mailbox replaces.
EXTERNAL_MAIL_SETTINGS = ("MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_PASSWORD_FILE")


def is_given(environ: Mapping[str, str], name: str) -> bool:
    """Say whether a setting is given, by itself or as a file."""
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def is_setting(name: str) -> bool:
    """Say whether this name of an environment is a setting of the application."""
    return name.removesuffix("_FILE") in SETTING_NAMES or name.startswith(SETTING_PREFIXES)


def build_environment(data: Path, environ: Mapping[str, str], found: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the whole environment: the given one, what the engines told, and defaults for the rest.

    Files named by a relative path are named by an absolute one, as the processes run in the data folder.
    """
    whole = {
        name: value
        for name, value in environ.items()
        if not (name in EXTERNAL_MAIL_SETTINGS and "MAIL_SERVER" in found)
    }
    for name, value in whole.items():
        if is_setting(name) and name.endswith("_FILE") and value:
            whole[name] = str(Path(value).absolute())
    whole.update(found)
    if not is_given(environ, "SECRET_KEY"):
        whole["SECRET_KEY"] = _load_or_create_secret_key(data / "secret_key")
    defaults = {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MAIL_DEFAULT_SENDER": "petition@example.org",
        # Only this machine connects: the demo speaks for many networks through X-Forwarded-For.
        "PROXY_COUNT": "1",
        "PETITION_EMBEDDED": "1",
        "PETITION_METRICS_ALLOW": "127.0.0.0/8 ::1",
    }
    return whole | {name: value for name, value in defaults.items() if not environ.get(name)}


def _load_or_create_secret_key(file: Path) -> str:
    try:
        kept = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        kept = ""
    if kept:
        return kept
    fresh = secrets.token_hex(32)
    unfinished = file.with_name("secret_key.new")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "w", encoding="ascii", opener=_open_private) as opened:
        opened.write(fresh)
    unfinished.replace(file)
    return fresh


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
