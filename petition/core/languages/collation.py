"""Alphabetical order for people: accents, ligatures and case as in a dictionary, the same in French and English.

As the first three levels of the Unicode collation order for Latin letters (UTS 10, CLDR's root, which French and
English use unchanged): letters, then accents, then case. PostgreSQL's ICU collations would do the same, but not every
build of PostgreSQL has them, nor the embedded one. The first level is also the SQL function `collation_key`, which is
indexed.
"""

import unicodedata
from functools import lru_cache

# What Unicode does not take apart. `collation_key` in the migrations has the same.
LIGATURES = str.maketrans({"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
                           "đ": "d", "Đ": "D", "ß": "ss", "’": "'"})  # fmt: skip

SortKey = tuple[str, str, str]


def search_key(text: str) -> str:
    """Return a text as `collation_key` in PostgreSQL returns it: letters without accents, in lower case."""
    return sort_key(text)[0]


@lru_cache(maxsize=8192)
def sort_key(text: str) -> SortKey:
    """Return a key that sorts texts as a dictionary does: Eluard, Éluard, élue; Oeuvre beside Œuvre."""
    decomposed = unicodedata.normalize("NFKD", text.translate(LIGATURES))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return letters.casefold(), decomposed.casefold(), text.swapcase()
