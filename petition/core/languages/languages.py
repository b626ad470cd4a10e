"""Which languages the site has: English, in which the texts are written, and those that have a catalogue.

Nothing else knows how many there are. A language is a folder `<code>/LC_MESSAGES` with `messages.po` and what
`pybabel compile` makes of it, in `translations/` or in the folder PETITION_TRANSLATIONS, and its code in
PETITION_LANGUAGES. Both are read once, when a process starts, as forms and checks of input are built on them;
`config.py` refuses what cannot be used.
"""

import os
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from petition.core.languages.language_codes import SHIPPED_LANGUAGES, list_folders, split_codes

# Babel's likely territory of English is the United States; our English is British.
TERRITORIES = {"en": "GB"}


def language_name(code: str) -> str:
    """Return what a language calls itself, with a capital: Français."""
    name = Locale.parse(code).get_display_name() or code
    return name[:1].upper() + name[1:]


@cache
def regional_locale(code: str) -> Locale:
    """Return a language with its most likely territory (Unicode CLDR): fr_FR, es_ES, ar_EG; en_GB.

    Libraries ship catalogues under such names; ours, under the language alone, are found for them too.
    """
    likely = get_global("likely_subtags").get(code, "").split("_")
    try:
        return Locale(code, TERRITORIES.get(code) or (likely[-1] if len(likely) > 1 else None))
    except UnknownLocaleError:
        return Locale(code)


@cache
def text_direction(code: str) -> str:
    """Return "rtl" for a language that is written from right to left, else "ltr"."""
    return "rtl" if Locale.parse(code).text_direction == "rtl" else "ltr"


def _read_languages() -> Mapping[str, str]:
    try:
        codes = split_codes(os.environ.get("PETITION_LANGUAGES") or ",".join(SHIPPED_LANGUAGES))
    except ValueError:
        codes = list(SHIPPED_LANGUAGES)
    # Read-only, as its order is the order of forms and of error messages.
    return MappingProxyType({code: language_name(code) for code in codes})


TRANSLATION_FOLDERS = list_folders(os.environ.get("PETITION_TRANSLATIONS"))
LANGUAGES = _read_languages()
DEFAULT_LANGUAGE = next(iter(LANGUAGES))
