"""Alphabetical order for people, in Python and in SQL."""

import pytest
from sqlalchemy import text

from petition.core.db import db
from petition.core.languages.collation import sort_key

# As ICU sorts them in French and in English.
IN_ORDER = [
    "Abbé", "cœlacanthe", "coeur", "cœur", "Œuvre", "oeuvre à", "élan", "Éluard", "Etat", "État", "étude",
    "L’Ours", "L'Ours Blanc", "Łódź", "Ørsted", "zèbre",
]  # fmt: skip


def test_accents_ligatures_and_case_are_where_they_belong():
    names = ["Zoé", "Émile", "emile", "Emile", "Œdipe", "Odile", "Olga", "éric", "Eric", "Ægide", "Adèle", "Agathe"]
    assert sorted(names, key=sort_key) == [
        "Adèle", "Ægide", "Agathe", "emile", "Emile", "Émile", "Eric", "éric", "Odile", "Œdipe", "Olga", "Zoé",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*IN_ORDER, "Ångström", "ﬁn", "Ḱ", "Нина", "李", "mañana", "Straße"])
def test_the_database_has_the_same_first_level(app, name):
    found = db.session.scalar(text("SELECT collation_key(:name)"), {"name": name})
    if name.isascii() or not any(ord(c) > 0x24F for c in name if c not in "’ﬁḰ"):
        assert found == sort_key(name)[0]
    else:
        assert found.casefold() == sort_key(name)[0]
