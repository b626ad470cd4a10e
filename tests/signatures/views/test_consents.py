"""What each box of the form says, for forms of other sites; and a signature that says which words were shown."""

import pytest
from support.factories import make_petition
from support.partners import make_partner, make_partnership

from petition.core.db import db
from petition.signatures.models import ConsentWording, Signature

PATH = "/api/v1/petitions/jardin"
SIGNER = {"name": "Zoé Martin", "email": "zoe@example.org", "locale": "fr"}


@pytest.fixture
def petition(app):
    petition = make_petition(passes_on_to="Ligue des jardins")
    make_partnership(petition, make_partner("sud"))
    return petition


def list_consents(client, language="fr"):
    return {each["field"]: each for each in client.get(f"{PATH}/consents?lang={language}").json}


def test_each_box_has_its_words_in_the_language_asked_for(client, petition):
    french, english = list_consents(client), list_consents(client, "en")
    assert list(french) == ["updates", "news_sud", "passed_on"]
    assert french["news_sud"]["partner"] == "sud"
    assert "Ligue des jardins" in french["passed_on"]["text"]
    assert all(french[field]["text"] != english[field]["text"] for field in ("news_sud", "passed_on"))
    assert client.get(f"{PATH}/consents?lang=xx").status_code == 422
    assert client.get("/api/v1/petitions/nothing/consents").status_code == 404


def test_a_petition_that_asks_nothing_more_has_one_box(client, app):
    make_petition()
    assert list(list_consents(client)) == ["updates"]


def test_the_words_that_were_shown_are_those_agreed_to(client, petition):
    consents = list_consents(client)
    agreed = SIGNER | {"updates": True, "passed_on": True, "news": ["sud"]}
    wordings = {field: each["wording"] for field, each in consents.items()}
    assert client.post(f"{PATH}/signatures", json=agreed | {"wordings": wordings}).status_code == 202
    signature = db.session.query(Signature).one()
    assert db.session.get(ConsentWording, signature.updates_wording_id).text == consents["updates"]["text"]


@pytest.mark.parametrize("field", ["updates", "news_sud", "passed_on"])
def test_words_that_have_changed_meanwhile_are_refused(client, petition, field):
    agreed = SIGNER | {"updates": True, "passed_on": True, "news": ["sud"], "wordings": {field: "0" * 16}}
    answer = client.post(f"{PATH}/signatures", json=agreed)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert db.session.query(Signature).count() == 0


def test_wordings_replace_no_other_field(client, petition):
    wordings = {"email": "eva@example.org", "locale": "en", "nothing": "x"}
    assert client.post(f"{PATH}/signatures", json=SIGNER | {"wordings": wordings}).status_code == 202
    signature = db.session.query(Signature).one()
    assert (signature.email, signature.locale) == (SIGNER["email"], "fr")
