"""The French catalogue: one word for one thing, and French typography."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

CATALOGUE = Path(__file__).parents[2] / "petition/translations/fr/LC_MESSAGES/messages.po"
# What is not said, and the word for it; names of settings and commands are no words.
RETIRED = {
    r"\be-?mails?\b": "courriel",
    r"\bworkers?\b": "processus",
    r"\brebonds?\b": "retour",
    r"désabonn": "désinscrire",
    r"en pause\b": "suspendre",
    r"invité·e|·e\b": "a turn that needs no gender",
    r"\bpistage\b": "traceur",
    r"commune\b": "ville",
}
MARKUP = re.compile(r"%\(\w+\)[a-z]|`[^`]*`|celery -A \S+ \S+")
NO_BREAK = "\u00a0\u202f"


def list_translations():
    with CATALOGUE.open("rb") as file:
        for message in read_po(file, locale="fr"):
            if message.id:
                texts = (message.string,) if isinstance(message.string, str) else message.string
                yield from (MARKUP.sub("x", text) for text in texts)


@pytest.mark.parametrize("pattern", RETIRED)
def test_one_word_for_one_thing(pattern):
    found = [text for text in list_translations() if re.search(pattern, text, re.IGNORECASE)]
    assert not found, f"say {RETIRED[pattern]}: {found}"


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        (r" [;!?»]|« | :(?!\w)", "a narrow no-break space (U+202F) before the sign"),
        (r"\w'\w", "a real apostrophe (’)"),
        ("\u2011", "a plain hyphen"),
        (r"\.\.\.", "an ellipsis (…)"),
    ],
)
def test_typography(pattern, advice):
    found = [text for text in list_translations() if re.search(pattern, text)]
    assert not found, f"{advice}: {found}"
