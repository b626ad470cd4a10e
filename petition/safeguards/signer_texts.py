"""Rules for what signers write of themselves, online and on paper: readable, and nothing but what is asked for."""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from petition.safeguards.contact_details import ContactDetail, find_contact_detail

MAX_CHARACTERS = {"name": 120, "organisation": 200, "profession": 120, "city": 120, "postal_code": 20}
# Scripts such as Persian and Hindi need the joiners; every other invisible character only serves to deceive.
JOINERS = "\u200c\u200d"
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn")
# Characters of the category of letters that show nothing.
BLANK_CHARACTERS = "\u115f\u1160\u3164\uffa0\u2800"
# Where people write of several persons at once: "étudiant.es".
FIELDS_WITH_INCLUSIVE_WRITING = ("profession", "organisation")
MAX_MARKS = 4  # combining marks on one letter that a script needs
# Scripts that are written together, under one name.
SCRIPT_GROUPS = dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"), "EAST ASIAN")


class TextProblem(StrEnum):
    """What is wrong with a text."""

    LONG = "long"
    CHARACTERS = "characters"
    LINK = "link"
    PHONE = "phone"
    LETTERS = "letters"
    SCRIPTS = "scripts"


def normalise(value: str) -> str:
    """Return a text in NFC and with single spaces."""
    return " ".join(unicodedata.normalize("NFC", value).split())


def find_problem(value: str, field: str) -> TextProblem | None:
    """Return what is wrong with a text of a field of `MAX_CHARACTERS` that `normalise` returned and is not empty."""
    if len(value) > MAX_CHARACTERS[field]:
        return TextProblem.LONG
    if any(
        (unicodedata.category(c) in INVISIBLE_CATEGORIES and c not in JOINERS) or c in BLANK_CHARACTERS for c in value
    ):
        return TextProblem.CHARACTERS
    # Advertising: what is typed here is shown in public, and a name is mailed to strangers.
    found = find_contact_detail(value, inclusive=field in FIELDS_WITH_INCLUSIVE_WRITING, numbers=field != "postal_code")
    if found:
        return TextProblem.LINK if found == ContactDetail.LINK else TextProblem.PHONE
    if field == "name" and any(c.isdigit() for c in unicodedata.normalize("NFKC", value)):
        return TextProblem.LETTERS
    if field == "name" and mixes_scripts(value):
        return TextProblem.SCRIPTS
    if field != "postal_code" and not any(unicodedata.category(c)[0] == "L" for c in value):
        return TextProblem.LETTERS
    return TextProblem.CHARACTERS if _has_stacked_marks(value) else None


def mixes_scripts(name: str) -> bool:
    """Return whether one word has letters of two scripts, as a look-alike of another name has."""
    return not name.isascii() and any(len(find_scripts(word)) > 1 for word in re.split(r"[^\w]+", name))


def find_scripts(text: str) -> set[str]:
    """Return the scripts of a text's letters, by the first word of each letter's Unicode name."""
    return {script for c in set(text) if (script := _script_of(c))}


@lru_cache(maxsize=4096)  # each email's name is read letter by letter
def _script_of(character: str) -> str | None:
    if unicodedata.category(character) not in ("Lu", "Ll", "Lt", "Lo"):
        return None
    script = unicodedata.name(unicodedata.normalize("NFKC", character)[0], "UNKNOWN").split()[0]
    return SCRIPT_GROUPS.get(script, script)


def _has_stacked_marks(value: str) -> bool:
    """Return whether one letter carries more combining marks than any script needs."""
    if value.isascii():
        return False
    marks = 0
    for character in value:
        marks = marks + 1 if unicodedata.category(character) == "Mn" else 0
        if marks > MAX_MARKS:
            return True
    return False
