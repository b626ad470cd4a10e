"""Build the environment of a local stack: given settings stay, missing ones get a default."""

import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

SETTING_NAMES = {"DATABASE_URL", "REDIS_URL", "BROKER_URL", "PUBLIC_URL", "PROXY_COUNT", "CONFIRM_WITHIN"}
SETTING_PREFIXES = ("SECRET_KEY", "MAIL_", "PETITION_")
# They describe a mail server that the local mailbox replaces.
EXTERNAL_MAIL_SETTINGS = ("MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_PASSWORD_FILE")


def is_given(environ: Mapping[str, str], name: str) -> bool:
    """Return whether a setting is given, as a value or as a file."""
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def is_setting(name: str) -> bool:
    """Return whether an environment variable of this name is a setting of the application."""
    return name.removesuffix("_FILE") in SETTING_NAMES or name.startswith(SETTING_PREFIXES)


def build_environment(data: Path, environ: Mapping[str, str], found: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the complete environment: the given one, the settings of the services (`found`), and defaults.

    Relative paths become absolute, as the processes run in the data folder.
    """
    environment_variables = {
        name: value
        for name, value in environ.items()
        if not (name in EXTERNAL_MAIL_SETTINGS and "MAIL_SERVER" in found)
    }
    for name, value in environment_variables.items():
        if is_setting(name) and name.endswith("_FILE") and value:
            environment_variables[name] = str(Path(value).absolute())
    environment_variables.update(found)
    for name, file, make in (
        ("SECRET_KEY", "secret_key", lambda: secrets.token_hex(32)),
        ("PETITION_COUNT_LOG_KEY", "count_log_key", lambda: b64encode(secrets.token_bytes(32)).decode()),
    ):
        if not is_given(environ, name):
            environment_variables[name] = _load_or_create_secret(data / file, make)
    defaults = {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MAIL_DEFAULT_SENDER": "petition@example.org",
        # Only this machine connects: the demo sends from many networks through X-Forwarded-For.
        "PROXY_COUNT": "1",
        "PETITION_EMBEDDED": "1",
        "PETITION_WEBHOOK_LOCAL": "1",
        "PETITION_METRICS_ALLOW": "127.0.0.0/8 ::1",
        # The demo signs hundreds of times before it confirms anything, and solves no challenges.
        "PETITION_ATTACK_SIGNATURES": "0",
        "PETITION_JOURNAL": str(data / "journal.jsonl"),
    }
    return environment_variables | {name: value for name, value in defaults.items() if not environ.get(name)}


def _load_or_create_secret(file: Path, make: Callable[[], str]) -> str:
    try:
        key = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        key = ""
    if key:
        return key
    key = make()
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "w", encoding="ascii", opener=_open_private) as opened:
        opened.write(key)
    unfinished.replace(file)
    return key


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
