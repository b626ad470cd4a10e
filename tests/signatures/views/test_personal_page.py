"""The personal page: what signers change there, and a signature that the team set aside."""

import re

import pytest
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.signatures.links import personal_path
from petition.signatures.models import Signature


def test_invalidated_signature_is_shown_as_not_counting(client):
    signature = make_signature(make_petition(), state="invalidated")
    page = client.get(f"{personal_path(signature)}?lang=en").text
    assert "does not count" in page
    assert "/display" not in page


@pytest.fixture
def signature(app):
    return make_signature(make_petition(), state="confirmed", listed="on", profession="Juge", city="Lyon", country="FR")


def save(client, signature, **fields):
    answer = client.post(f"{personal_path(signature)}/display?lang=en", data={"listed": "on", **fields})
    db.session.expire_all()
    return answer, db.session.get(Signature, signature.id)


def test_signers_change_their_name_and_place(client, signature):
    answer, changed = save(
        client, signature, name="Zoé Dupont", city="Saint-Étienne", postal_code="42000", country="be"
    )
    assert answer.status_code == 303
    assert (changed.name, changed.city, changed.postal_code, changed.country) == (
        "Zoé Dupont", "Saint-Étienne", "42000", "BE"
    )  # fmt: skip
    assert (changed.profession, changed.review) == ("Juge", None), "what is not in the form stays"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "1234"}, "name"),
        ({"city": "www.evil.com"}, "city"),
        ({"country": "ZZ"}, "country"),
    ],
)
def test_the_rules_are_those_of_the_form_and_nothing_typed_is_lost(client, signature, fields, field):
    answer, unchanged = save(client, signature, **{"name": "Zoé Dupont", "postal_code": "42000", **fields})
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    assert 'value="42000"' in answer.text
    assert (unchanged.name, unchanged.postal_code) == ("Zoé Martin", None)


def test_a_new_name_is_read_first_where_the_rules_say_so(client, signature):
    assert save(client, signature, name="Préfecture de police")[1].review == "waiting"


def test_an_approved_name_stays_approved_when_only_the_profession_changes(client, signature):
    signature.name, signature.review = "Préfecture de police", "approved"
    db.session.commit()
    assert save(client, signature, name="Préfecture de police", profession="Avocate")[1].review == "approved"


def test_a_petition_asks_only_for_what_it_asks(client):
    petition = make_petition(slug="court", asks=[])
    signature = make_signature(petition, state="confirmed")
    page = client.get(personal_path(signature)).text
    assert 'name="name"' in page
    assert 'name="city"' not in page
    assert save(client, signature, city="Lyon")[1].city is None


def test_the_country_of_the_petition_comes_first(client, signature):
    page = client.get(f"{personal_path(signature)}?lang=en").text
    options = re.findall(r'<option value="(\w*)"( selected)?>', page)
    assert options[:3] == [("", ""), ("FR", " selected"), ("AF", "")]
    assert options.count(("FR", " selected")) == 1
