"""The consent to be passed on: asked where the petition asks, off by default, kept with its wording, taken back."""

import pytest
from support.factories import confirm_by_link, make_form, make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.signatures.confirm import disown, take_back
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.passing_on import is_passed_on, select_passed_on
from petition.signatures.personal import self_service
from petition.signatures.personal.data_copy import collect_data

PARTNER = "Les voisins solidaires"


def sign_by_form(client, **fields):
    page = client.get("/p/jardin").text
    digest = page.partition('name="passing_on_wording" value="')[2].partition('"')[0]
    answer = client.post("/p/jardin/sign", data=make_form(passing_on_wording=digest, **fields))
    assert answer.status_code == 303, answer.text
    db.session.expire_all()
    return db.session.query(Signature).one()


def test_a_petition_that_passes_nothing_on_does_not_ask(client):
    make_petition()
    assert "passed_on" not in client.get("/p/jardin").text
    assert sign_by_form(client, passed_on="on").passed_on is False


def test_the_box_is_there_and_not_ticked_and_its_wording_is_kept(client):
    make_petition(passes_on_to=PARTNER)
    page = client.get("/p/jardin").text
    [box] = [line for line in page.splitlines() if 'name="passed_on"' in line]
    assert "checked" not in box
    assert PARTNER in page
    signature = sign_by_form(client, passed_on="on")
    assert signature.passed_on
    assert signature.passed_on_at
    assert not is_passed_on(signature)
    wording = db.session.get(ConsentWording, signature.passed_on_wording_id)
    assert PARTNER in wording.text
    assert PARTNER in client.get(f"/c/{make_confirm_token(signature)}").text
    confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
    assert is_passed_on(db.session.get(Signature, signature.id, populate_existing=True))


def test_what_was_agreed_for_one_organisation_is_passed_on_to_no_other(app):
    petition = make_petition(passes_on_to=PARTNER)
    signature = make_signature(petition, state="confirmed", passed_on=True)
    assert is_passed_on(signature)
    assert db.session.scalars(select_passed_on(petition)).all() == [signature]
    for other in ("Somebody else", None):
        petition.passes_on_to = other
        db.session.commit()
        assert not is_passed_on(signature)
        assert db.session.scalars(select_passed_on(petition)).all() == []


def test_without_the_box_nothing_is_passed_on(client):
    make_petition(passes_on_to=PARTNER)
    assert sign_by_form(client).passed_on is False


def test_words_that_changed_since_the_form_was_shown_are_read_again(client):
    petition = make_petition(passes_on_to=PARTNER)
    digest = client.get("/p/jardin").text.partition('name="passing_on_wording" value="')[2].partition('"')[0]
    petition.passes_on_to = "Somebody else"
    petition.version += 1
    db.session.commit()
    answer = client.post("/p/jardin/sign", data=make_form(passing_on_wording=digest, passed_on="on"))
    assert answer.status_code == 422


def test_signing_again_without_the_box_takes_it_back(client):
    petition = make_petition(passes_on_to=PARTNER)
    signature = make_signature(petition, passed_on=True)
    assert signature.passed_on
    signature = make_signature(petition)
    db.session.refresh(signature)
    assert (signature.passed_on, signature.passed_on_wording_id) == (False, None)


def test_the_personal_page_takes_it_back_and_agrees_again(client):
    signature = make_signature(make_petition(passes_on_to=PARTNER), state="confirmed", passed_on=True)
    path = f"/me/{make_personal_token(signature)}"
    assert 'value="off"' in client.get(path).text
    for value, expected in (("off", False), ("on", True)):
        assert client.post(f"{path}/passing-on", data={"passed_on": value}).status_code == 303
        assert db.session.get(Signature, signature.id, populate_existing=True).passed_on is expected
    assert PARTNER in client.get(f"{path}/data").text
    assert PARTNER in collect_data(signature)["passing_on"]["text"]


@pytest.mark.parametrize("end", [disown, self_service.withdraw])
def test_who_ends_a_signature_is_passed_on_no_more(client, end):
    signature = make_signature(make_petition(passes_on_to=PARTNER), state="confirmed", passed_on=True)
    end(signature)
    db.session.commit()
    take_back(signature)
    db.session.commit()
    assert not db.session.get(Signature, signature.id, populate_existing=True).passed_on


def test_what_is_restricted_or_anonymised_is_not_passed_on(app):
    signature = make_signature(make_petition(passes_on_to=PARTNER), state="confirmed", passed_on=True)
    assert is_passed_on(signature)
    signature.restricted_at = clock.now()
    assert not is_passed_on(signature)
    signature.restricted_at, signature.anonymised_at = None, clock.now()
    assert not is_passed_on(signature)
