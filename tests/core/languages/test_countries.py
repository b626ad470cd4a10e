"""Countries, in each language, in the order of a dictionary."""

import pytest

from petition.core.languages.countries import list_countries


@pytest.mark.parametrize(
    ("language", "expected"),
    [("fr", ["Équateur", "Érythrée", "Espagne", "Estonie", "Eswatini"]),
     ("en", ["Albania", "Algeria", "American Samoa", "Andorra"]),
     ("es", ["Lesoto", "Letonia", "Líbano", "Liberia", "Libia"])],
)  # fmt: skip
def test_accents_do_not_move_a_country(language, expected):
    names = [name for _code, name in list_countries(language)]
    start = names.index(expected[0])
    assert names[start : start + len(expected)] == expected
