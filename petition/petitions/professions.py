"""Professions that a petition suggests: the forms that a line offers, and how one is printed after a name.

A line may offer several forms: "Avocate / avocat". Where the lists of two languages have as many lines, those with the
same number say the same.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

Lists = tuple[tuple[str, tuple[str, ...]], ...]  # by language
FORM_SEPARATOR = " / "


class PrintedProfession(NamedTuple):
    """A profession as it is printed, and its language; None where that is not known."""

    text: str
    language: str | None


def list_forms(lines: Sequence[str]) -> list[str]:
    """Return each form that lines offer, in their order, with a capital letter."""
    return [form[:1].upper() + form[1:] for line in lines for form in _split(line)]


def list_equivalents(lists: Mapping[str, Sequence[str]], form: str) -> tuple[str, ...]:
    """Return in lower case all that say the same as a suggested form: of its line, and of that line elsewhere.

    Empty for anything that is not suggested.
    """
    known: Lists = tuple((code, tuple(lines)) for code, lines in lists.items())
    found = _index(known).get(form.casefold(), {})
    same: set[str] = set()
    for code, number in found.items():
        for lines in lists.values():
            if len(lines) == len(lists[code]):
                same |= {one.lower() for one in (*_split(lines[number]), lines[number])}
    return tuple(sorted(same))


def list_suggested(lists: Mapping[str, Sequence[str]]) -> list[str]:
    """Return every form that is suggested in some language."""
    return sorted({form for lines in lists.values() for line in lines for form in (*_split(line), line)})


def find_line(lists: Mapping[str, Sequence[str]], typed: str, language: str) -> str | None:
    """Return the line that suggests a form, as a language has it if it does: one text for all that say the same.

    None for anything that is not suggested.
    """
    known: Lists = tuple((code, tuple(lines)) for code, lines in lists.items())
    found = _index(known).get(typed.casefold())
    if not found:
        return None
    source = language if language in found else next(iter(found))
    target = lists.get(language, ())
    number = found[source]
    return target[number] if len(target) == len(lists[source]) else lists[source][number]


def print_line(lists: Mapping[str, Sequence[str]], line: str, language: str) -> PrintedProfession:
    """Return a line of the list with all its forms, as a reader of a language sees it; others stay as they are."""
    found = find_line(lists, line, language)
    if found is None:
        return PrintedProfession(line, None)
    known: Lists = tuple((code, tuple(lines)) for code, lines in lists.items())
    languages = _index(known)[found.casefold()]
    return PrintedProfession(found, language if language in languages else next(iter(languages)))


def _split(line: str) -> list[str]:
    return [form for part in line.split(FORM_SEPARATOR) if (form := part.strip())]


def print_profession(lists: Mapping[str, Sequence[str]], typed: str, language: str) -> PrintedProfession:
    """Return a profession as a reader of a language sees it after a name: suggested ones in lower case, translated.

    What was typed freely stays as it is; so does a suggestion that the reader's language has several forms of, as
    nobody knows which one its signer would choose.
    """
    known: Lists = tuple((code, tuple(lines)) for code, lines in lists.items())
    found = _index(known).get(typed.casefold())
    if not found:
        return PrintedProfession(typed, None)
    if language in found:
        return PrintedProfession(_lower_initial(typed), language)
    source, number = next(iter(found.items()))
    target = lists.get(language, ())
    forms = _split(target[number]) if len(target) == len(lists[source]) else []
    if len(forms) == 1:
        return PrintedProfession(_lower_initial(forms[0]), language)
    return PrintedProfession(_lower_initial(typed), source)


@lru_cache(maxsize=64)
def _index(lists: Lists) -> dict[str, dict[str, int]]:
    """Return by form the languages that suggest it, each with the number of its line."""
    index: dict[str, dict[str, int]] = {}
    for code, lines in lists:
        for number, line in enumerate(lines):
            for form in (*_split(line), line):
                index.setdefault(form.casefold(), {}).setdefault(code, number)
    return index


def _lower_initial(text: str) -> str:
    """Return a text that begins in lower case, unless its first word is an abbreviation."""
    first = text.split(" ", 1)[0]
    return text if len(first) > 1 and first[1:] != first[1:].lower() else text[:1].lower() + text[1:]
