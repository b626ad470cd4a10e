"""Whether an organisation confirmed from an address at its own domain."""

import re
from functools import lru_cache

from petition.safeguards.contact_details import registrable_domain
from petition.safeguards.email_addresses import PLUS_ALIAS_DOMAINS
from petition.safeguards.mail_providers import FAMILIES, LARGE_PROVIDERS
from petition.signatures.review.rules import fold

# Anybody gets an address there. Of a domain only what was registered counts: those in other countries are theirs too.
PROVIDER_LABELS = FAMILIES | {domain.split(".", 1)[0] for domain in LARGE_PROVIDERS | PLUS_ALIAS_DOMAINS} | {"zaclys"}
# Left out of an acronym, and of a name that is a domain: "Observatoire international des prisons" is "oip".
SMALL_WORDS = frozenset((
    "a", "and", "au", "aux", "d", "de", "des", "du", "en", "et", "for", "in", "l", "la", "le", "les", "of", "on",
    "par", "pour", "sur", "the", "to", "un", "une",
    "con", "del", "el", "las", "los", "para", "por", "una", "y",
))  # fmt: skip
LEGAL_WORDS = frozenset((
    "asbl", "asso", "association", "assoc", "collectif", "fondation", "foundation", "federation", "ong", "ngo",
    "section", "asociacion", "colectivo", "federacion", "fundacion", "sindicato",
))  # fmt: skip
MIN_ACRONYM_LETTERS, MAX_ACRONYM_LETTERS, MIN_NAME_LETTERS = 3, 8, 4


@lru_cache(maxsize=4096)
def is_own_domain(organisation: str | None, address: str) -> bool:
    """Return whether an address is at a domain that is called as the organisation is.

    That is: not a public provider's, and what was registered (`oip` of `mail.oip.org`) is the whole name in one word
    ("La Cimade": `lacimade`, `cimade`; "Association Ban Public": `ban-public`), its initials ("Observatoire
    international des prisons": `oip`), or an acronym in it ("OIP – section française"). One ordinary word of a longer
    name is not enough: whoever registers `prisons.example` is not every organisation with prisons in its name. It shows
    that somebody has such a domain, not who that is.
    """
    domain = registrable_domain(address.rpartition("@")[2])
    if not organisation or not domain:
        return False
    label = fold(domain.split(".", 1)[0]).replace(" ", "")
    return label not in PROVIDER_LABELS and label in _possible_labels(organisation)


def _possible_labels(organisation: str) -> set[str]:
    words = fold(organisation).split()
    long_words = [word for word in words if word not in SMALL_WORDS]
    names = {"".join(chosen) for chosen in (words, long_words, _without_legal(words), _without_legal(long_words))}
    acronyms = {"".join(word[0] for word in chosen) for chosen in (words, long_words, _without_legal(long_words))}
    if not organisation.isupper() or len(words) == 1:
        acronyms |= {fold(word) for word in re.split(r"\W+", organisation) if _is_acronym(word)}
    return {name for name in names if len(name) >= MIN_NAME_LETTERS} | {
        acronym for acronym in acronyms if len(acronym) >= MIN_ACRONYM_LETTERS
    }


def _without_legal(words: list[str]) -> list[str]:
    return [word for word in words if word not in LEGAL_WORDS]


def _is_acronym(word: str) -> bool:
    """Return whether a word of a name is in capitals, as GENEPI is."""
    return MIN_ACRONYM_LETTERS <= len(word) <= MAX_ACRONYM_LETTERS and word.isupper()
