"""Suggested professions: the forms of a line, and how one is printed after a name."""

import pytest
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.petitions.professions import find_line, list_forms, print_line, print_profession

LISTS = {"fr": ["Avocate / avocat", "Juge", "DRH"], "en": ["Lawyer", "Judge", "Head of personnel"]}


@pytest.mark.parametrize(
    ("typed", "language", "printed"),
    [
        ("Avocate", "fr", ("avocate", "fr")),
        ("avocat", "en", ("lawyer", "en")),
        ("Lawyer", "fr", ("lawyer", "en")),
        ("Judge", "fr", ("juge", "fr")),
        ("DRH", "fr", ("DRH", "fr")),
        ("Député de la Nièvre", "en", ("Député de la Nièvre", None)),
    ],
)
def test_a_suggestion_is_printed_in_lower_case_and_in_the_reader_s_language(typed, language, printed):
    assert print_profession(LISTS, typed, language) == printed


def test_lists_of_different_lengths_are_not_translated():
    assert print_profession({"fr": ["Avocate"], "en": []}, "Avocate", "en") == ("avocate", "fr")


def test_each_form_is_offered():
    assert list_forms(LISTS["fr"]) == ["Avocate", "Avocat", "Juge", "DRH"]


def test_the_page_marks_a_profession_in_another_language(client):
    petition = make_petition()
    petition.texts["fr"].professions, petition.texts["en"].professions = ["Avocate / avocat"], ["Lawyer"]
    db.session.commit()
    make_signature(petition, state="confirmed", listed="on", profession="Lawyer", confirmed_no=1)
    assert '<option value="Avocat"></option>' in client.get("/p/jardin?lang=fr").text
    assert '<bdi lang="en">lawyer</bdi>' in client.get("/p/jardin?lang=fr").text
    assert "<bdi>lawyer</bdi>" in client.get("/p/jardin?lang=en").text


@pytest.mark.parametrize(
    ("typed", "language", "line"),
    [
        ("avocat", "fr", "Avocate / avocat"),
        ("Lawyer", "fr", "Avocate / avocat"),
        ("Avocate", "en", "Lawyer"),
        ("Avocate / avocat", "en", "Lawyer"),
        ("Juge", "es", "Juge"),
        ("Gardien de phare", "fr", None),
    ],
)
def test_a_form_belongs_to_a_line_of_the_list(typed, language, line):
    assert find_line(LISTS, typed, language) == line


def test_a_line_is_printed_with_all_its_forms_in_the_reader_s_language():
    assert print_line(LISTS, "Lawyer", "fr") == ("Avocate / avocat", "fr")
    assert print_line(LISTS, "Avocate / avocat", "es") == ("Avocate / avocat", "fr")
    assert print_line(LISTS, "Gardien de phare", "en") == ("Gardien de phare", None)
