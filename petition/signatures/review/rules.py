"""Rules for names: what is refused, what may stand in an email to a stranger, what waits for the team."""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from petition.safeguards.contact_details import find_contact_detail
from petition.safeguards.signer_texts import find_scripts
from petition.signatures.models import Party, ReviewState
from petition.signatures.review.words import ADVERTISING, INSTITUTIONS, INSULTS, OFFICES, SENTENCE_WORDS

NO_WORD_SIGN = re.compile(r"[\W_]+")
APOSTROPHES, HYPHENS = "'’‘ʼʻʿʾ`´", "-‐‑–·"
PLAIN_SIGNS = frozenset(APOSTROPHES + HYPHENS + " .\u200c\u200d・")
LISTED_SIGNS = PLAIN_SIGNS | frozenset(
    ",()&"
)  # "Martin, Zoé (née Dupont)": read by nobody, but not mailed to strangers
# Small words of names in many languages, which do not count towards the length of a name.
PARTICLES = frozenset((
    "aan", "abd", "abu", "af", "al", "am", "and", "ap", "bar", "bat", "ben", "bin", "bint", "d", "da", "dal", "das",
    "de", "degli", "dei", "del", "della", "den", "der", "des", "di", "do", "dos", "du", "e", "el", "em", "et", "fitz",
    "i", "ibn", "l", "la", "las", "le", "les", "lo", "los", "mac", "mc", "na", "née", "né", "nee", "ne", "of", "oglu",
    "op", "os", "san", "santa", "st", "ste", "sur", "ten", "ter", "the", "til", "tot", "ul", "umm", "v", "van", "vel",
    "ver", "vom", "von", "vor", "y", "z", "za", "zu", "zum", "zur",
))  # fmt: skip
MAX_PLAIN_CHARACTERS, MAX_PLAIN_WORDS = 50, 5  # of a name in an email to a stranger
MAX_SINGLE_LETTERS = 3  # among its words: "J R R Tolkien", not "e v i l"
MAX_LISTED_CHARACTERS, MAX_LISTED_WORDS = 80, 8  # of a name that nobody reads first
MAX_PHRASE_WORDS = max(len(entry.split()) for entry in INSTITUTIONS | OFFICES | ADVERTISING | INSULTS)
MIN_SHOUTED_WORDS, MIN_SHOUTED_CHARACTERS = 4, 30


class Flag(StrEnum):
    """Why a name waits for the team."""

    ORGANISATION = "organisation"
    INSTITUTION = "institution"
    SENTENCE = "sentence"
    ADVERTISING = "advertising"
    INSULT = "insult"
    CAPITALS = "capitals"
    SIGNS = "signs"
    SCRIPTS = "scripts"


def find_flags(party: str, name: str, profession: str | None = None) -> list[Flag]:
    """Return why what the public list would show of a signature has to be read first; nothing if it need not be."""
    if party == Party.ORGANISATION:
        return [Flag.ORGANISATION]
    name_phrases, profession_phrases = _find_phrases(name), _find_phrases(profession or "")
    phrases = name_phrases | profession_phrases
    flags = {
        Flag.INSTITUTION: not (name_phrases.isdisjoint(INSTITUTIONS) and profession_phrases.isdisjoint(OFFICES)),
        Flag.SENTENCE: _is_long(name) or not name_phrases.isdisjoint(SENTENCE_WORDS),
        Flag.ADVERTISING: not phrases.isdisjoint(ADVERTISING),
        Flag.INSULT: not phrases.isdisjoint(INSULTS),
        Flag.CAPITALS: _is_shouted(name),
        Flag.SIGNS: _has_unusual_signs(name),
        Flag.SCRIPTS: len(find_scripts(name)) > 1,
    }
    return [flag for flag in Flag if flags.get(flag)]


def initial_review(party: str, name: str, profession: str | None) -> str | None:
    """Return the review that a signature starts with."""
    return ReviewState.WAITING if find_flags(party, name, profession) else None


def review_after_change(review: str | None, *, flagged: bool) -> str | None:
    """Return the review of a signature whose name changed: a flagged name, or one in place of a rejected one, waits."""
    return ReviewState.WAITING if flagged or review == ReviewState.REJECTED else None


def is_plain_name(name: str) -> bool:
    """Return whether a name is nothing but a name: it may stand in an email to somebody who did not ask for it.

    Letters of one script in a few words, with apostrophes, hyphens and the dots of initials; no word of a sentence, of
    an institution or of advertising. Stricter than what the list shows, as the only cost is a greeting without a name.
    """
    words = [word for word in name.split() if word.casefold() not in PARTICLES]
    return (
        len(name) <= MAX_PLAIN_CHARACTERS
        and 1 <= len(words) <= MAX_PLAIN_WORDS
        and all(c in PLAIN_SIGNS or _is_letter_or_mark(c) for c in name)
        and not _is_spaced_out(name)
        and not find_flags(Party.PERSON, name)  # of two scripts, for one
        and not find_contact_detail(name)
    )


def _is_spaced_out(name: str) -> bool:
    """Return whether signs stand alone, or many letters do, as in an address that is spelt out."""
    words = name.split()
    has_lone_sign = not all(any(c.isalpha() for c in word) for word in words)
    return has_lone_sign or sum(len(word) == 1 for word in words) > MAX_SINGLE_LETTERS


@lru_cache(maxsize=4096)
def _is_letter_or_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def fold(text: str) -> str:
    """Return a text in lower case without accents, words apart by one space: how the lists of words are written."""
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", text).casefold()
        plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    return " ".join(NO_WORD_SIGN.sub(" ", plain).split())


def _find_phrases(text: str) -> set[str]:
    """Return the words of a text and its runs of a few words, folded, as the lists of words have them."""
    words = fold(text).split()
    return {
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + MAX_PHRASE_WORDS, len(words)) + 1)
    }


def _has_unusual_signs(name: str) -> bool:
    """Return whether a name has other signs than names have, or a comma within a word: `EVIL,COM` reads like a link."""
    usual = all(c in LISTED_SIGNS or _is_letter_or_mark(c) for c in name)
    return not usual or bool(re.search(r"\w,\w", name))


def _is_long(name: str) -> bool:
    words = [word for word in name.split() if word.casefold() not in PARTICLES]
    return len(name) > MAX_LISTED_CHARACTERS or len(words) > MAX_LISTED_WORDS


def _is_shouted(name: str) -> bool:
    return name.isupper() and len(name.split()) >= MIN_SHOUTED_WORDS and len(name) > MIN_SHOUTED_CHARACTERS
