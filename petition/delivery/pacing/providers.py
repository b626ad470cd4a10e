"""Find the provider of a recipient's domain: all domains whose mail one organisation receives are one provider.

A provider is named by the registrable domain of the mail server that its domains prefer: google.com of every domain
that Google hosts. DNS is asked where it matters only, once a provider is in trouble or limited, outside of any
transaction, and its answers are kept in PostgreSQL for a day.
"""

from collections.abc import Collection
from threading import Lock

from cachetools import TTLCache
from flask import Flask, current_app

from petition.core.circuit_breaker import CircuitBreaker
from petition.core.db import autocommit_connection
from petition.delivery.pacing.mx_lookup import MxLookup
from petition.delivery.pacing.queries import SELECT_DOMAINS, STORE_DOMAINS
from petition.safeguards.mail_providers import RESERVED_DOMAINS, RESERVED_SUFFIXES
from petition.safeguards.public_suffixes import get_public_suffixes

ANSWERED_SECONDS, UNANSWERED_SECONDS = 86_400.0, 600.0  # how long what DNS said is believed, and its silence
REMEMBERED_SECONDS, MAX_REMEMBERED = 300.0, 20_000  # in this process
# Domains that one provider operates, by their first label, for when DNS does not answer.
# Sources: the MX records and help pages of Yahoo, Orange, Free, SFR and Microsoft.
FAMILIES = {
    "yahoodns.net": ("yahoo", "ymail", "rocketmail", "aol", "aim", "verizon", "netscape"),
    "orange.fr": ("orange", "wanadoo", "voila"),
    "free.fr": ("free", "aliceadsl", "libertysurf", "freesbee", "infonie", "worldonline"),
    "sfr.fr": ("sfr", "neuf", "cegetel", "club-internet", "numericable", "noos", "9online"),
    "outlook.com": ("outlook", "hotmail", "live", "msn", "windowslive", "passport"),
    "google.com": ("gmail", "googlemail"),
    "icloud.com": ("icloud", "me", "mac"),
    "gmx.net": ("gmx", "caramail"),
}
_FAMILY_OF = {label: provider for provider, labels in FAMILIES.items() for label in labels}

breaker = CircuitBreaker(60.0)  # open: no name server answered
_remembered: TTLCache[str, str] = TTLCache(MAX_REMEMBERED, REMEMBERED_SECONDS)
_lock = Lock()


def init_app(app: Flask) -> None:
    """Set up the look-up of mail servers, which tests replace."""
    app.extensions["petition.mx_lookup"] = MxLookup()


def find_providers(domains: Collection[str]) -> dict[str, str]:
    """Return the provider of each domain. Never raises for DNS; takes three seconds at most.

    A domain about which DNS does not answer, and which is of no well-known family, is its own provider for ten minutes.
    """
    with _lock:
        found = {domain: _remembered[domain] for domain in domains if domain in _remembered}
    missing = sorted({domain for domain in domains if domain not in found})
    if missing:
        found |= _find_forgotten(missing)
        with _lock:
            _remembered.update({domain: found[domain] for domain in missing})
    return found


def _find_forgotten(domains: list[str]) -> dict[str, str]:
    found = {domain: domain for domain in domains if _is_reserved(domain)}
    with autocommit_connection() as connection:
        rows = connection.execute(SELECT_DOMAINS, {"domains": domains})
        found |= {row.domain: row.provider for row in rows}
    missing = [domain for domain in domains if domain not in found]
    if not missing:
        return found
    servers: dict[str, str] = {}
    if not breaker.is_open():
        servers = current_app.extensions["petition.mx_lookup"].find_mail_servers(missing)
        if not servers:
            breaker.trip()
    looked_up = {
        domain: get_registrable(servers[domain]) if domain in servers else guess_provider(domain) for domain in missing
    }
    with autocommit_connection() as connection:
        parameters = {
            "domains": list(looked_up),
            "providers": [provider[:255] for provider in looked_up.values()],
            "seconds": [ANSWERED_SECONDS if domain in servers else UNANSWERED_SECONDS for domain in looked_up],
        }
        connection.execute(STORE_DOMAINS, parameters)
    return found | looked_up


def find_known_provider(domain: str) -> str:
    """Return the provider of a domain without asking DNS: as it answered a worker, or by its family, or itself."""
    with autocommit_connection() as connection:
        row = connection.execute(SELECT_DOMAINS, {"domains": [domain]}).one_or_none()
    return str(row.provider) if row else guess_provider(domain)


def guess_provider(domain: str) -> str:
    """Return the provider of a domain of a well-known family, and any other domain itself."""
    label, _, suffix = domain.partition(".")
    # A name under one ending, or under one like co.uk: a longer one is somebody's own domain.
    return _FAMILY_OF.get(label, domain) if len(suffix) <= 6 else domain


def get_registrable(host: str) -> str:
    """Return the domain that was registered of a host's name: smtp-in.orange.fr is of orange.fr."""
    return str(get_public_suffixes().privatesuffix(host) or host)


def forget() -> None:
    """Forget what this process knows: for tests."""
    with _lock:
        _remembered.clear()


def _is_reserved(domain: str) -> bool:
    return domain in RESERVED_DOMAINS or domain.rpartition(".")[2] in RESERVED_SUFFIXES
