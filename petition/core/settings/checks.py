"""Check settings against each other: what each may be by itself is in `config.py`."""

import ipaddress
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from petition.core.languages.language_codes import has_catalogue, list_folders


class BadSetting(Exception):
    """A setting that cannot be used. The message is one line that names it and never contains a value."""


def check_combinations(values: Mapping[str, Any]) -> None:
    """Refuse settings that exclude or need each other. Raises `BadSetting` naming the first."""
    keys = [("SECRET_KEY", values["SECRET_KEY"])] + [
        ("SECRET_KEY_FALLBACKS", key) for key in values["SECRET_KEY_FALLBACKS"]
    ]
    for name, key in keys:
        if len(key) < 32 and not values["PETITION_EMBEDDED"]:
            raise BadSetting(f"{name} is too short: at least 32 characters, for example from `openssl rand -hex 32`")
    if values["MAIL_USE_TLS"] and values["MAIL_USE_SSL"]:
        raise BadSetting("MAIL_USE_TLS and MAIL_USE_SSL exclude each other: STARTTLS, or TLS from the first byte")
    _check_languages(values)
    if values["PETITION_STUCK_AFTER"] < values["PETITION_SLOW_AFTER"]:
        raise BadSetting(
            "PETITION_STUCK_AFTER is shorter than PETITION_SLOW_AFTER: mail would be stuck before it is slow"
        )
    if values["PETITION_KEEP_DELIVERIES"] <= values["CONFIRM_WITHIN"]:
        raise BadSetting("PETITION_KEEP_DELIVERIES is not longer than CONFIRM_WITHIN: links would be sent twice")
    if values["PETITION_CLAIM_TIMEOUT"] < 3 * values["MAIL_TIMEOUT"]:
        raise BadSetting(
            "PETITION_CLAIM_TIMEOUT is shorter than three times MAIL_TIMEOUT: slow emails would be sent twice"
        )
    if values["PETITION_ALERT_WEBHOOK_SECRET"] and not values["PETITION_ALERT_WEBHOOK"]:
        raise BadSetting("PETITION_ALERT_WEBHOOK_SECRET is set without PETITION_ALERT_WEBHOOK, the URL")
    _check_bounce_mailbox(values)
    _check_replies_to(values)
    _check_sign_in_provider(values)
    for which in ("", "SECOND_"):
        selector, key = f"PETITION_DKIM_{which}SELECTOR", f"PETITION_DKIM_{which}KEY"
        # The key may be missing where no email is sent from: a web process needs none.
        if values[key] and not values[selector]:
            raise BadSetting(f"{key} is set without {selector}: set the name under which DNS has its public key")


def _check_languages(values: Mapping[str, Any]) -> None:
    folders = list_folders(values["PETITION_TRANSLATIONS"])
    for code in values["PETITION_LANGUAGES"]:
        if not has_catalogue(code, folders):
            raise BadSetting(f"PETITION_LANGUAGES names {code}, which has no catalogue: see docs/translating.md")


def _check_bounce_mailbox(values: Mapping[str, Any]) -> None:
    host = urlsplit(values["PETITION_BOUNCE_MAILBOX"] or "").hostname or ""
    if values["PETITION_BOUNCE_MAILBOX_INSECURE"] and not _is_loopback(host):
        raise BadSetting(
            "PETITION_BOUNCE_MAILBOX_INSECURE is for a mailbox on this host only: set PETITION_BOUNCE_MAILBOX_CA to "
            "the file with the authority of its certificate"
        )


def _check_replies_to(values: Mapping[str, Any]) -> None:
    team, sender = (parseaddr(values[name] or "")[1].lower() for name in ("PETITION_REPLIES_TO", "MAIL_DEFAULT_SENDER"))
    if team == sender:
        raise BadSetting("PETITION_REPLIES_TO must not be the address of MAIL_DEFAULT_SENDER: replies would come back")


def _check_sign_in_provider(values: Mapping[str, Any]) -> None:
    issuer = values["PETITION_OIDC_ISSUER"]
    if not issuer:
        if values["PETITION_OIDC_CLIENT_ID"] or values["PETITION_OIDC_ROLES"]:
            raise BadSetting("PETITION_OIDC_ISSUER is not set, and other settings of the sign-in provider are")
        return
    if not values["PETITION_OIDC_CLIENT_ID"]:
        raise BadSetting("PETITION_OIDC_CLIENT_ID is not set: the client that the provider knows this site by")
    url = urlsplit(issuer)
    if url.scheme != "https" and not _is_loopback(url.hostname or ""):
        raise BadSetting("PETITION_OIDC_ISSUER must be https: who is on the way could sign in as anybody")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
