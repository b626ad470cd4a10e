"""The shipped catalogues, as their checks read them."""

from collections.abc import Iterator
from re import Pattern

from babel.messages.pofile import read_po
from support.settings import ROOT


def list_translations(language: str, markup: Pattern[str]) -> Iterator[str]:
    """Yield every text of a catalogue, `x` in place of what is no word of the language."""
    with (ROOT / "petition/translations" / language / "LC_MESSAGES/messages.po").open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id:
                texts = (message.string,) if isinstance(message.string, str) else message.string
                yield from (markup.sub("x", text) for text in texts)
