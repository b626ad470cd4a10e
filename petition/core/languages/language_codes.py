"""The codes of languages in the settings, and where their catalogues are; without Babel, which takes long to load."""

import re
from importlib.util import find_spec
from pathlib import Path

SOURCE_LANGUAGE = "en"  # in which the texts are written: the only language that needs no catalogue
SHIPPED_LANGUAGES = ("fr", "en", "es")  # the first is the site's own, where nothing else says which
SHIPPED_TRANSLATIONS = Path(__file__).parents[2] / "translations"
CATALOGUE = Path("LC_MESSAGES") / "messages.po"


def split_codes(text: str) -> list[str]:
    """Return the codes of a setting, separated by commas or spaces. Raises `ValueError` for none, and unknown ones."""
    codes = list(dict.fromkeys(text.replace(",", " ").split()))
    if not codes or not all(re.fullmatch("[a-z]{2}", code) and _is_known(code) for code in codes):
        raise ValueError(text)
    return codes


def _is_known(code: str) -> bool:
    """Return whether Babel has the dates, numbers and plurals of a language."""
    babel = find_spec("babel")
    return bool(babel and babel.origin and (Path(babel.origin).parent / "locale-data" / f"{code}.dat").is_file())


def has_catalogue(code: str, folders: list[Path]) -> bool:
    """Return whether there are texts in a language: a catalogue in one of the folders, or those of the source."""
    return code == SOURCE_LANGUAGE or any(
        (folder / code / CATALOGUE).with_suffix(suffix).is_file() for folder in folders for suffix in (".mo", ".po")
    )


def list_folders(more: str | Path | None) -> list[Path]:
    """Return the folders of catalogues: ours, and PETITION_TRANSLATIONS where it is set."""
    return [SHIPPED_TRANSLATIONS, *([Path(more).absolute()] if more else [])]
