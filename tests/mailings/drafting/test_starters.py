"""Templates that a mailing can start from."""

import re

import pytest
from flask_babel import force_locale
from support.factories import make_mailing, make_petition, sign_in
from support.mailings import make_mailing_form

from petition.core.i18n import LANGUAGES
from petition.mailings.drafting.drafts import create, parse_draft
from petition.mailings.drafting.preflight import run_preflight_checks
from petition.mailings.drafting.starters import LABELS, find_starter


@pytest.mark.parametrize("name", LABELS)
def test_template_is_a_valid_mailing_in_every_language(app, name):
    form = make_mailing_form(make_petition()) | find_starter(name)
    mailing = create(parse_draft(form), "alix@example.org")
    assert set(mailing.texts) == set(LANGUAGES)


def test_gap_of_a_template_is_a_warning(app):
    petition = make_petition()
    mailing = create(parse_draft(make_mailing_form(petition) | find_starter("closing_soon")), "alix@example.org")
    assert len([warning for warning in run_preflight_checks(mailing) if "[jour et mois]" in warning]) == 1
    mailing = create(parse_draft(make_mailing_form(petition) | find_starter("handed_over")), "alix@example.org")
    # It is in there twice.
    assert len([warning for warning in run_preflight_checks(mailing) if "[jour et mois]" in warning]) == 1
    mailing = create(parse_draft(make_mailing_form(petition, body_fr="Lisez [la page](https://example.org).")), "x")
    assert not any("[la page]" in warning for warning in run_preflight_checks(mailing))


def test_form_starts_from_a_template_and_a_petition(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    page = client.get(f"/desk/mailings/new?template=answer&petition={petition.id}").text
    assert "La réponse à" in page
    assert f'value="{petition.sender_name}"' in page
    assert f'id="petition-{petition.id}" checked' in page
    empty = client.get("/desk/mailings/new").text
    assert "checked" not in empty, "nothing is ticked by default"
    assert re.search(r'name="timezone"[^>]*value="Europe/Paris"', empty), "a field that must be filled is"


def test_what_a_mailing_does_not_show_is_a_warning(app):
    texts = {"en": {"subject": "News", "body": "Hello\n\n| a | b |\n| - | - |\n| 1 | 2 |"}}
    mailing = make_mailing(make_petition(), texts=texts)
    with force_locale("en"):
        warnings = run_preflight_checks(mailing)
    assert "English: line 3: emails show no tables: write a list instead." in warnings
