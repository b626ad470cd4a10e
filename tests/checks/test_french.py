"""The French catalogue: one word for one thing, and French typography."""

import re

import pytest
from support.catalogues import list_translations

# What is not said, and the word for it; names of settings and commands are no words.
RETIRED = {
    r"\be-?mails?\b": "courriel",
    r"\bworkers?\b": "processus",
    r"\brebonds?\b": "retour",
    r"désabonn": "désinscrire",
    r"en pause\b": "suspendre",
    r"invité·e|·e\b": "a turn that needs no gender",
    r"\bpistage\b": "traceur",
    r"\bcommunes?\b": "ville",
    r"événement": "évènement",
    r"n[°º]": "nᵒ",
    r"serveurs? (de courriels?|de courrier|de mail|mail)": "serveur de messagerie",
    r"\bbureau\b": "espace de l’équipe",
    r"(?<!l’)\bessais?\b": "test, or tentative",
    r"\bnom (\(|reste |est )?retenu": "non affiché, which is not what “retenu” says of a name",
}
MARKUP = re.compile(r"%\(\w+\)[a-z]|`[^`]*`|celery -A \S+ \S+")
NO_BREAK = "\u00a0\u202f"


@pytest.mark.parametrize("pattern", RETIRED)
def test_one_word_for_one_thing(pattern):
    found = [text for text in list_translations("fr", MARKUP) if re.search(pattern, text, re.IGNORECASE)]
    assert not found, f"say {RETIRED[pattern]}: {found}"


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        (r" [;!?»]|« | :(?!\w)", "a narrow no-break space (U+202F) before the sign"),
        ("\u00a0[:;!?»]|«\u00a0", "one kind of space before and after signs: the narrow one (U+202F)"),
        (r"\w'\w", "a real apostrophe (’)"),
        ("\u2011", "a plain hyphen"),
        (r"\.\.\.", "an ellipsis (…)"),
    ],
)
def test_typography(pattern, advice):
    found = [text for text in list_translations("fr", MARKUP) if re.search(pattern, text)]
    assert not found, f"{advice}: {found}"
