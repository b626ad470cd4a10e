"""Countries by ISO 3166-1 alpha-2, with their names in the reader's language (Unicode CLDR, through Babel)."""

from functools import lru_cache

from babel import Locale
from babel.core import get_global

from petition.core.languages.collation import sort_key

# CLDR also names regions, groups and reserved codes.
NON_COUNTRY_CODES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}


def country_of_timezone(timezone: str) -> str | None:
    """Return the code of the country that a time zone is of; None for one such as UTC."""
    found: str | None = get_global("zone_territories").get(timezone)
    return found if found and is_country(found) else None


@lru_cache(maxsize=64)
def list_countries_from(language: str, first: str | None) -> tuple[tuple[str, str], ...]:
    """Return (code, name) of every country, one of them at the head of the list as well as in its place."""
    countries = list_countries(language)
    return (*(country for country in countries if country[0] == first), *countries)


@lru_cache(maxsize=8)
def list_countries(language: str) -> tuple[tuple[str, str], ...]:
    """Return (code, name) of every country in a language, in alphabetical order."""
    names = Locale.parse(language).territories
    found = [(code, name) for code, name in names.items() if code.isalpha() and code not in NON_COUNTRY_CODES]
    return tuple(sorted(found, key=lambda item: sort_key(item[1])))


def is_country(code: str) -> bool:
    """Return whether this is the code of a country."""
    return any(code == known for known, _ in list_countries("en"))
