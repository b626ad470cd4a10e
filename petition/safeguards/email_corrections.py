"""Corrections of mistyped email addresses: the domain that was probably meant, and an ASCII name where only ASCII is.

A correction is only ever offered. A domain that exists is not questioned: a brand under another country's ending is
another mailbox, of somebody else.
"""

import re
import unicodedata
from functools import lru_cache

from petition.safeguards.email_addresses import DOMAIN_ALIASES, PLUS_ALIAS_DOMAINS, strip_invisible
from petition.safeguards.public_suffixes import get_public_suffixes

# Providers by their name, with the endings under which they give addresses; the first is the most frequent here.
# Sources: the providers' own sign-up pages and lists of aliases (Microsoft, Yahoo, GMX, Orange, Proton).
PROVIDER_ENDINGS = {
    "gmail": "com",
    "hotmail": "fr com be ca ch de es it nl lu at se dk no fi gr pt co.uk com.ar com.br com.mx co.za co.jp",
    "outlook": "fr com be de es it pt at dk ie cz gr hu com.br com.ar cl co.id co.th in jp kr lv my ph sa sg sk",
    "live": "fr com be ca ch de es it nl lu at se dk no fi ie pt co.uk com.au com.mx com.pt com.ar cl cn ru",
    "msn": "com fr nl",
    "yahoo": "fr com be ca ch de es it nl at se dk no fi ie pt gr pl ro co.uk co.in com.br com.ar com.mx com.au ma",
    "icloud": "com",
    "aol": "com fr de it es nl co.uk be ca",
    "gmx": "fr com de ch at net li es us co.uk",
    "proton": "me ch",
    "protonmail": "com ch",
    "orange": "fr be com net es ch pl lu mq gp gf re sn ci ma jo ro sk",
    "wanadoo": "fr es nl be co.uk",
    "free": "fr",
    "laposte": "net",
    "sfr": "fr re mq gp gf",
    "neuf": "fr",
    "bbox": "fr",
    "numericable": "fr com be",
    "me": "com",
    "mac": "com",
    "ac-paris": "fr",
    "skynet": "be",
    "telenet": "be",
    "proximus": "be",
    "bluewin": "ch com",
    "videotron": "ca",
    "sympatico": "ca",
    "libero": "it",
}
PROVIDER_DOMAINS = tuple(f"{name}.{ending}" for name, endings in PROVIDER_ENDINGS.items() for ending in endings.split())
# What somebody in France most probably meant comes first where several are as close.
FREQUENT_DOMAINS = (
    "gmail.com", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "hotmail.fr", "hotmail.com",
    "outlook.fr", "outlook.com", "yahoo.fr", "yahoo.com", "live.fr", "icloud.com", "bbox.fr", "neuf.fr",
)  # fmt: skip
CANDIDATES = tuple(dict.fromkeys(FREQUENT_DOMAINS + PROVIDER_DOMAINS))
# A provider under an ending that exists, but not for it: an address there is a mistake.
DOMAIN_CORRECTIONS = {
    "laposte.fr": "laposte.net", "laposte.com": "laposte.net", "gmail.fr": "gmail.com", "gmail.be": "gmail.com",
    "gmail.ch": "gmail.com", "gmail.ca": "gmail.com", "gmail.de": "gmail.com", "icloud.fr": "icloud.com",
    "wanadoo.com": "wanadoo.fr", "protonmail.fr": "protonmail.com",
}  # fmt: skip
# Country codes (Colombia, Cameroon, Oman) that are what remains of .com after a slip.
MISTYPED_COM = {"co", "cm", "om"}
# Domains with mailboxes or companies, near to a provider's.
REAL_DOMAINS = {
    "mail.com", "email.com", "gmx.net", "ymail.com", "sfc.fr", "fee.fr", "free.com", "hotmail.com.tr", "live.in",
    "orange-ftgroup.com", "gmail.lt", "lapostegroupe.fr", "outlok.de",
} | DOMAIN_ALIASES.keys() | PLUS_ALIAS_DOMAINS  # fmt: skip
MAX_CHARACTERS = 320  # of an address (RFC 5321): longer ones are none, and would take time
# Where names have no accents: at the providers above, and at universities and public services under these.
# What NFKD leaves as it is.
ASCII_LETTERS = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "‐": "-", "‑": "-", "–": "-", "—": "-", "œ": "oe", "Œ": "OE", "æ": "ae",
     "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss"}
)  # fmt: skip


def suggest_correction(text: str) -> str | None:
    """Return the address that was probably meant, None if it does not look mistyped."""
    local, _, domain = strip_invisible(text).rpartition("@")
    if not local or len(text) > MAX_CHARACTERS:
        return None
    domain = re.sub(r"\s*[.,;]+\s*", ".", domain).strip(".")  # marie@free,fr
    domain = _likely_domain(domain.lower()) or domain
    if domain.lower() in PROVIDER_DOMAINS or domain.lower() in PLUS_ALIAS_DOMAINS:
        local = _to_ascii(local)
    corrected = f"{local}@{domain}"
    return corrected if corrected != strip_invisible(text) else None


def _to_ascii(local: str) -> str:
    """Return a name without accents and typographic signs; unchanged if it is not in Latin letters."""
    if local.isascii():
        return local
    plain = unicodedata.normalize("NFKD", local.translate(ASCII_LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain if plain.isascii() else local


@lru_cache(maxsize=4096)
def _likely_domain(domain: str) -> str | None:
    """Return the domain that was probably meant, None if this one may exist."""
    if domain in DOMAIN_CORRECTIONS:
        return DOMAIN_CORRECTIONS[domain]
    if domain in CANDIDATES or domain in REAL_DOMAINS:
        return None
    ending = get_public_suffixes().publicsuffix(domain)
    name = domain.removesuffix(f".{ending}") if ending else domain
    if ending and name in PROVIDER_ENDINGS:
        meant = f"{name}.com"
        return meant if ending in MISTYPED_COM and meant in CANDIDATES else None
    if ending and (provider := _closest_provider(name)):
        meant = f"{provider}.{ending}"
        if meant in CANDIDATES or meant in DOMAIN_CORRECTIONS:
            return DOMAIN_CORRECTIONS.get(meant, meant)
    return _closest_domain(domain) if not ending or ending in MISTYPED_COM else None


def _closest_provider(name: str) -> str | None:
    """Return the provider whose name was probably meant: one slip away, two in a name of seven letters or more."""
    for provider in PROVIDER_ENDINGS:
        if provider[0] != name[:1] or (len(provider) < 5 and not _is_slip_in_short_name(name, provider)):
            continue
        if _edit_distance(name, provider) <= (1 if len(provider) < 7 else 2):
            return provider
    return None


def _is_slip_in_short_name(typed: str, expected: str) -> bool:
    """Return whether letters are missing, doubled or swapped: `life.fr` and `love.fr` are names of their own."""
    if len(typed) == len(expected):
        return sorted(typed) == sorted(expected)
    if len(typed) < len(expected):
        return len(expected) > 2
    return set(typed) == set(expected)


def _closest_domain(domain: str) -> str | None:
    best, least = None, 3
    for known in CANDIDATES:
        limit = 1 if len(known) < 9 else 2  # short domains are close to many others
        if domain[:1] == known[0] and (distance := _edit_distance(domain, known)) <= limit and distance < least:
            best, least = known, distance
    return best


def _edit_distance(typed: str, expected: str) -> int:
    """Return the optimal string alignment distance: letters missing, added, changed or swapped; 3 for more than 2."""
    if abs(len(typed) - len(expected)) > 2:
        return 3
    before: list[int] = []
    previous = list(range(len(expected) + 1))
    for i, a in enumerate(typed, 1):
        row = [i]
        for j, b in enumerate(expected, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == expected[j - 2] and typed[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, previous = previous, row
    return previous[-1]
