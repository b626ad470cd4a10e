"""Check settings that are valid one by one, and wrong for a public site."""

import re
from urllib.parse import urlsplit

from flask import current_app

from petition.core.i18n import N_
from petition.core.web.trusted_hosts import is_loopback
from petition.delivery.composers import sender_address
from petition.delivery.smtp.relays import list_relays
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.safeguards.mail_providers import FAMILIES, LARGE_PROVIDERS
from petition.safeguards.public_suffixes import get_public_suffixes

CHECK = "settings"
ADDRESS_PATTERN = re.compile(r"[^@\s<>,]+@[\w-]+(\.[\w-]+)+")


def is_local() -> bool:
    """Return whether this is the stack of `petition up`, whose mailbox catches every email."""
    return bool(current_app.config["PETITION_EMBEDDED"] and current_app.config["PETITION_MAILBOX"])


def make_unusable(error: str) -> Finding:
    """Return the finding for settings with which nothing starts; `error` names the setting and no value."""
    return wrong(
        CHECK, N_("%(error)s"), N_("Correct this setting (README.md lists them), then run this again."), error=error
    )


def check_settings() -> list[Finding]:
    """Return what the settings say without asking anybody."""
    if is_local():
        return [ok(CHECK, N_("The local stack of `petition up`: its mailbox catches every email."))]
    config = current_app.config
    findings = [*_check_sender(), *_check_mail_switches()]
    url = urlsplit(config["PUBLIC_URL"])
    if url.scheme != "https":
        finding = warning if is_loopback(url.hostname) else wrong
        text, advice = N_("PUBLIC_URL is not https."), N_("Set up TLS at the proxy, then PUBLIC_URL=https://…")
        findings.append(finding(CHECK, text, advice))
    return findings or [ok(CHECK, N_("All settings are usable."))]


def _check_sender() -> list[Finding]:
    address = sender_address()
    domain = address.rpartition("@")[2].lower()
    if not ADDRESS_PATTERN.fullmatch(address):
        text = N_("MAIL_DEFAULT_SENDER is not an email address.")
        return [wrong(CHECK, text, N_("Set it to an address at your domain, such as petition@your-domain.org."))]
    registrable = get_public_suffixes().privatesuffix(domain) or domain
    if registrable in LARGE_PROVIDERS or registrable.partition(".")[0] in FAMILIES:
        text = N_("MAIL_DEFAULT_SENDER is at %(domain)s, for which only that provider can sign: DMARC fails.")
        return [wrong(CHECK, text, N_("Send from a domain of your own."), domain=domain)]
    return []


def _check_mail_switches() -> list[Finding]:
    config, findings = current_app.config, []
    if config["MAIL_SUPPRESS_SEND"]:
        text = N_("MAIL_SUPPRESS_SEND is on: no email leaves, and none is reported.")
        findings.append(wrong(CHECK, text, N_("Remove MAIL_SUPPRESS_SEND.")))
    if config["MAIL_DEBUG"]:
        text = N_("MAIL_DEBUG is on: addresses are written to the log.")
        findings.append(wrong(CHECK, text, N_("Remove MAIL_DEBUG.")))
    if bool(config["MAIL_USERNAME"]) != bool(config["MAIL_PASSWORD"]):
        text = N_("Only one of MAIL_USERNAME and MAIL_PASSWORD is set: nobody logs in.")
        findings.append(wrong(CHECK, text, N_("Set both, or neither.")))
    relays = [relay.state for relay in list_relays()]
    open_ = [relay for relay in relays if not (relay.use_tls or relay.use_ssl) and not is_loopback(relay.server)]
    if open_:
        finding = wrong if any(relay.password for relay in open_) else warning
        text = N_("Emails, and the password where there is one, go to the mail server unencrypted.")
        findings.append(finding(CHECK, text, N_("Set MAIL_USE_TLS=1 (port 587) or MAIL_USE_SSL=1 (port 465).")))
    return findings
