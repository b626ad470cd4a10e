import pytest
from support.factories import make_petition

from petition.core.front_matter import InvalidFile
from petition.mailings.drafting.file_parser import parse_mailing

VALID_FILE = """---
name: Printemps
petitions: jardin
per_hour: 100
---
# fr: Des nouvelles

> Le jardin ouvre
> demain.

Bonjour {{ name }}.
"""


def problems_of(text):
    with pytest.raises(InvalidFile) as error:
        parse_mailing(text)
    return error.value.problems


def test_parses_settings_and_texts(app):
    petition = make_petition()
    draft = parse_mailing(VALID_FILE)
    assert (draft.settings["name"], draft.settings["per_hour"]) == ("Printemps", 100)
    assert draft.settings["sender_name"] == petition.sender_name, "by default the petition's"
    assert draft.texts["fr"] == {
        "subject": "Des nouvelles",
        "preheader": "Le jardin ouvre demain.",
        "body": "Bonjour {{ name }}.",
    }


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("per_hour: 100", "per_hour: many", 4),
        ("per_hour: 100", "colour: green", 4),
        ("petitions: jardin", "petitions: [jardin, desert]", 3),
        ("{{ name }}", "{{ shoe_size }}", 11),
        ("Bonjour {{ name }}.", "Bonjour.\n\nUn rapport[^1].", 13),
        ("# fr: Des nouvelles", "# fr:", 6),
        ("# fr: Des nouvelles", "# de: Neues", 6),
        ("# fr: Des nouvelles", "Des nouvelles", 6),
        ("name: Printemps", "name: &a [*a]", 2),
    ],
)
def test_reports_the_line_of_an_error(app, old, new, line):
    make_petition()
    assert line in [number for number, _ in problems_of(VALID_FILE.replace(old, new))]
