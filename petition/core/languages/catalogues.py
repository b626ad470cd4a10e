"""How much of the site is translated into each of its languages, for whoever translates and for the team.

`make translations` prints it, from the catalogues as they are edited; the desk shows it, from the compiled ones.
"""

import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from petition.core.languages.language_codes import CATALOGUE, SHIPPED_TRANSLATIONS, SOURCE_LANGUAGE
from petition.core.languages.languages import LANGUAGES, TRANSLATION_FOLDERS

EXAMPLES = 5


class Coverage(NamedTuple):
    """How many texts a language has of all, and the first of those that it lacks, which are shown in English."""

    code: str
    translated: int
    total: int
    missing: list[str]

    @property
    def share(self) -> float:
        """The share that is translated; 1 only if nothing is missing."""
        share = self.translated / self.total if self.total else 1.0
        return share if not self.missing else min(share, 0.999)


@cache
def list_coverage() -> list[Coverage]:
    """Return the coverage of each language of the site, in its order. Read once by each process."""
    return measure(LANGUAGES, (".mo", ".po"))


def measure(codes: Iterable[str], suffixes: tuple[str, ...]) -> list[Coverage]:
    """Return the coverage of languages, read from the first of these kinds of file that each folder has.

    All texts are those that any catalogue of ours knows: a test keeps these equal to what the code asks for.
    """
    shipped = sorted(folder.name for folder in SHIPPED_TRANSLATIONS.iterdir() if (folder / CATALOGUE.parent).is_dir())
    every = {name for code in shipped for name in _read_texts(code, [SHIPPED_TRANSLATIONS], suffixes)}
    coverages = []
    for code in codes:
        texts = (
            dict.fromkeys(every, True) if code == SOURCE_LANGUAGE else _read_texts(code, TRANSLATION_FOLDERS, suffixes)
        )
        missing = sorted(name for name in every if not texts.get(name))
        coverages.append(Coverage(code, len(every) - len(missing), len(every), missing))
    return coverages


def _read_texts(code: str, folders: Iterable[Path], suffixes: tuple[str, ...]) -> dict[str, bool]:
    """Return each text of a language's catalogues, and whether it is translated."""
    texts: dict[str, bool] = {}
    for folder in folders:
        paths = [(folder / code / CATALOGUE).with_suffix(suffix) for suffix in suffixes]
        for path in [path for path in paths if path.is_file()][:1]:
            with path.open("rb") as file:
                catalogue: Catalog = read_mo(file) if path.suffix == ".mo" else read_po(file, locale=code)
            texts |= {_first(message.id): _is_translated(message) for message in catalogue if message.id}
    return texts


def _first(forms: str | Iterable[str]) -> str:
    return forms if isinstance(forms, str) else next(iter(forms))


def _is_translated(message: Message) -> bool:
    texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return bool(texts) and all(texts) and not message.fuzzy


def main() -> None:
    """Print the coverage of every language that has a catalogue, and the first texts that are missing."""
    codes = {path.name for folder in TRANSLATION_FOLDERS for path in folder.iterdir() if (path / CATALOGUE).is_file()}
    for coverage in measure(sorted(codes), (".po",)):
        sys.stdout.write(
            f"{coverage.code}: {coverage.translated} of {coverage.total}, {len(coverage.missing)} missing\n"
        )
        sys.stdout.writelines(f"    {text!r}{os.linesep}" for text in coverage.missing[:EXAMPLES])


if __name__ == "__main__":
    main()
