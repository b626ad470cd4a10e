"""First names in names as people write them."""

import pytest

from petition.mailings.content.first_names import find_first_name


@pytest.mark.parametrize(("name", "first_name"), [
    ("Marie Dupont", "Marie"), ("Dr. Marie Dupont", "Marie"), ("DUPONT Marie", "Marie"), ("Dupont, Marie", "Marie"),
    ("Jean-Pierre de la Tour", "Jean-Pierre"), ("MARIE DUPONT", "MARIE"), ("Prince", "Prince"), ("李明", "李明"),
    ("Mme Zoé", "Zoé"), ("J. R. R. Tolkien", "J. R. R. Tolkien"), ("de Gaulle Charles", "de Gaulle Charles"),
    ("Ng Wei", "Ng"), ("Dr.", "Dr."),
])  # fmt: skip
def test_first_name_is_found_where_it_is_clear(name, first_name):
    assert find_first_name(name) == first_name
