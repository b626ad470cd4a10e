"""Find web addresses, email addresses and telephone numbers in a short text that strangers may be sent or shown.

A text is taken as a mail program reads it, which makes links of what looks like a domain: in any case, in any script,
with any of the full stops of IDNA (UTS 46). A domain is one whose ending is in the public suffix list
(publicsuffixlist, offline, ICANN's part of it), so that "St.Gall" and "n.c." are none. People's own abbreviations pass
although their ending may be a country's: initials ("J.P.Kim"), titles ("Dr.Li") and, where asked for, inclusive
endings.
"""

import re
import unicodedata
from enum import StrEnum

from petition.safeguards.inclusive_writing import is_inclusive
from petition.safeguards.public_suffixes import get_public_suffixes

# Shown as nothing, so that they could hide a link: joiners, the grapheme joiner, variation selectors.
IGNORED = dict.fromkeys([0x200C, 0x200D, 0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x180E), *range(0xFE00, 0xFE10)])
# Endings that hardly follow an initial or a title, and that advertising has.
GENERIC_ENDINGS = frozenset((
    "app", "biz", "blog", "cc", "click", "club", "cn", "co", "com", "dev", "edu", "eu", "fr", "gov", "info", "io",
    "link", "live", "me", "net", "online", "org", "page", "pro", "ru", "shop", "site", "space", "store", "top", "tv",
    "uk", "us", "vip", "website", "xyz", "рф",
))  # fmt: skip
# Written with a dot, and often without the space that should follow it: "Prof.de maths", "Dipl.Ing.".
ABBREVIATIONS = frozenset((
    "adj", "ass", "assoc", "ch", "col", "dir", "dipl", "doct", "dr", "ens", "fr", "gal", "ing", "mag", "me", "mgr",
    "mlle", "mm", "mme", "mmes", "mr", "mrs", "ms", "ph", "pr", "prof", "rep", "resp", "rev", "sr", "st", "ste",
    "stes", "sts", "th", "univ", "vve",
))  # fmt: skip
LINK_MARKS = re.compile(
    r"@|:/|\bwww\d?\b|\b(?:mailto|tel|sms|javascript|data|skype|whatsapp):|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)"
)
DOTTED_RUN = re.compile(r"[\w-]+(?:\.[\w-]+)+")
HIDDEN_DOT = re.compile(r"\s*[\[({<]\s*(?:\.|dot|point)\s*[\])}>]\s*", re.IGNORECASE)
# "evil . com", "evil dot com": a space before a full stop is not how a sentence is written.
SPACED_DOT = re.compile(r"[\w-](?:\s+\.\s*|\s+(?:dot|point)\s+)(\w+)\b", re.IGNORECASE)
YEARS = re.compile(r"\b(?:1\d|20)\d\d\s*[-‐‑–—/]\s*(?:(?:1\d|20)\d\d|\d\d)\b")
PHONE_NUMBER = re.compile(r"\d(?:[\s().,_/+·•*'’‐‑–—-]*\d){6,}")


class ContactDetail(StrEnum):
    """What was found in a text."""

    LINK = "link"
    PHONE = "phone"


def find_contact_detail(text: str, *, inclusive: bool = False, numbers: bool = True) -> ContactDetail | None:
    """Return what a text has of a web address, an email address or a telephone number (seven digits), if anything.

    `inclusive`: French inclusive endings pass, as a role and a group of people have them. `numbers`: look for telephone
    numbers too; spans of years are none.
    """
    plain = unicodedata.normalize("NFKC", text).translate(IGNORED).replace("\u3002", ".")
    plain = HIDDEN_DOT.sub(".", plain)
    if LINK_MARKS.search(plain.casefold()) or _has_domain(plain, inclusive):
        return ContactDetail.LINK
    if any(match[1].casefold() in GENERIC_ENDINGS for match in SPACED_DOT.finditer(plain)):
        return ContactDetail.LINK
    if numbers and PHONE_NUMBER.search(YEARS.sub(" ", plain)):
        return ContactDetail.PHONE
    return None


def _has_domain(plain: str, inclusive: bool) -> bool:
    for match in DOTTED_RUN.finditer(plain):
        labels = match[0].split(".")
        has_path = plain[match.end() : match.end() + 1] in ("/", ":")
        # "evil.com.x" is shown as a link to evil.com followed by something.
        for end in range(2, len(labels) + 1):
            part = labels[:end]
            if not registrable_domain(".".join(part[-4:])):
                continue
            if not (_is_abbreviated(part) and not has_path) and not (inclusive and is_inclusive(part[0], part[1:])):
                return True
    return False


def _is_abbreviated(labels: list[str]) -> bool:
    """Return whether a name or a word follows initials or a title without a space."""
    *before, last = (label.strip("-_") for label in labels)
    if last.casefold() in GENERIC_ENDINGS:
        return False
    return all((len(label) == 1 and label.isupper()) or label.casefold() in ABBREVIATIONS for label in before)


def registrable_domain(domain: str) -> str | None:
    """Return the part of a domain name that somebody registered: `example.co.uk` of `www.example.co.uk`. None: none."""
    return get_public_suffixes().privatesuffix(domain.casefold())
