"""A language of the tests' own: Arabic, the signer's way alone, from right to left. It is not shipped."""

import shutil
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "translations"
CATALOGUE = Path("ar/LC_MESSAGES/messages.po")


def install_arabic(folder: Path) -> Path:
    """Put the catalogue into a folder and compile it, as whoever adds a language does; returns the folder."""
    target = folder / CATALOGUE
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FOLDER / CATALOGUE, target)
    with target.open("rb") as po, target.with_suffix(".mo").open("wb") as mo:
        write_mo(mo, read_po(po, locale="ar"))
    return folder
