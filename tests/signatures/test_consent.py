"""A campaign's own words: each version of the wording of the box is kept with whoever agreed to it."""

import re

import pytest
from support.factories import make_form, make_petition, make_signature
from support.signing import process_requests

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions.editing import edit_form, edits
from petition.signatures.consent import VERSION, get_wording
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.personal.self_service import set_updates

OURS = "Chaque message contient un lien pour ne plus en recevoir."


def set_consent(petition, text, language="fr"):
    values = edit_form.values_from_petition(petition) | {f"{language}.consent": text}
    edits.apply_document(petition, edit_form.parse_values(values))
    db.session.commit()


def wording_of(signature):
    return db.session.get(ConsentWording, signature.updates_wording_id)


def test_each_edit_is_a_version_and_signers_keep_the_one_they_agreed_to(app):
    petition = make_petition()
    set_consent(petition, "Oui, Les amis du jardin peuvent m’écrire.")
    first = make_signature(petition, updates=True)
    set_consent(petition, "Oui, Les amis du jardin peuvent m’écrire chaque mois.")
    second = make_signature(petition, updates=True, email="lea@example.org")
    set_consent(petition, "")
    third = make_signature(petition, updates=True, email="ana@example.org")
    assert wording_of(first).text == f"Oui, Les amis du jardin peuvent m’écrire. {OURS}"
    assert wording_of(second).text == f"Oui, Les amis du jardin peuvent m’écrire chaque mois. {OURS}"
    assert wording_of(third).version == VERSION
    versions = [wording_of(signature).version for signature in (first, second)]
    assert versions == [f"{petition.id}-2", f"{petition.id}-3"]


def test_a_change_of_other_texts_makes_no_version(app):
    petition = make_petition()
    set_consent(petition, "Oui, Les amis du jardin peuvent m’écrire.")
    before = get_wording(petition, "fr")
    values = edit_form.values_from_petition(petition) | {"fr.title": "Un grand jardin"}
    edits.apply_document(petition, edit_form.parse_values(values))
    assert get_wording(petition, "fr") == before


def test_readers_of_another_language_see_the_words_of_their_own_text_or_of_the_main_one(client):
    petition = make_petition()
    set_consent(petition, "Oui, Les amis du jardin peuvent m’écrire.")
    assert get_wording(petition, "en").version == VERSION, "the English text has no wording of its own: ours"
    assert "Send me news of this campaign" in client.get("/p/jardin?lang=en").text
    french_only = make_petition(slug="seul", texts={"fr": {"title": "A", "summary": "B", "addressee": "C"}})
    set_consent(french_only, "Oui, Les amis du jardin peuvent m’écrire.")
    assert get_wording(french_only, "en").language == "fr"
    page = client.get("/p/seul?lang=en").text
    assert f'<span lang="fr">Oui, Les amis du jardin peuvent m’écrire. {OURS}</span>' in page


def test_a_form_that_showed_another_wording_is_shown_again(client):
    petition = make_petition()
    shown = re.search(r'name="wording" value="(\w+)"', client.get("/p/jardin?lang=fr").text)[1]
    set_consent(petition, "Oui, Les amis du jardin peuvent m’écrire.")
    form = make_form(updates="on", wording=shown)
    answer = client.post("/p/jardin/sign?lang=fr", data=form)
    assert answer.status_code == 422
    assert "Cette formulation a changé" in answer.text
    assert "Zoé Martin" in answer.text, "nothing typed is lost"
    again = re.search(r'name="wording" value="(\w+)"', answer.text)[1]
    assert client.post("/p/jardin/sign?lang=fr", data=form | {"wording": again}).status_code == 303
    process_requests()
    assert wording_of(db.session.query(Signature).one()).version == f"{petition.id}-2"
    without_news = {name: value for name, value in form.items() if name != "updates"}
    assert client.post("/p/jardin/sign?lang=fr", data=without_news).status_code == 303


def test_personal_page_shows_what_its_button_agrees_to(app):
    petition = make_petition()
    set_consent(petition, "Oui, Les amis du jardin peuvent m’écrire.")
    signature = make_signature(petition, state="confirmed")
    set_updates(signature, True)
    assert wording_of(signature).text.startswith("Oui, Les amis du jardin")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("consent", "Oui, envoyez-moi des nouvelles."),  # from whom?
        ("consent", "Les amis du jardin : voir amis.example.com"),
        ("email_intro", "Merci. Appelez le 01 23 45 67 89."),
        ("email_intro", "Donnez sur evil.com"),
        ("email_closing", "Écrivez à amis@example.org"),
        ("email_intro", "é" * 601),
        ("thanks", "é" * 4_001),
    ],
)
def test_words_that_may_not_be_mailed_are_refused(app, field, text):
    values = edit_form.values_from_petition(make_petition()) | {f"fr.{field}": text}
    with pytest.raises(ValidationError) as error:
        edit_form.parse_values(values)
    assert set(error.value.errors) == {f"fr.{field}"}
