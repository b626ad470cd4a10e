"""A petition's policy on disposable addresses: accepted by default, refused with advice, or set aside."""

from datetime import timedelta

import pytest
from support.factories import make_form, make_petition, make_signature
from support.signing import process_requests

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions.counters import get_count, increment
from petition.signatures import tasks
from petition.signatures.abuse import disposable
from petition.signatures.abuse.disposable import set_aside
from petition.signatures.models import Signature
from petition.signatures.personal.address_change import parse_new_address

DISPOSABLE = "zoe@yopmail.com"


def sign(client, **fields):
    return client.post("/p/jardin/sign?lang=en", data=make_form(email=DISPOSABLE, **fields))


def count_signatures():
    process_requests()
    return db.session.query(Signature).count()


@pytest.mark.parametrize("policy", [None, "accept", "quarantine"])
def test_they_may_sign_unless_the_petition_refuses_them(client, policy):
    make_petition(**({"disposable_addresses": policy} if policy else {}))
    assert sign(client).status_code == 303
    assert count_signatures() == 1


def test_the_form_that_refuses_one_says_what_to_do_and_keeps_what_was_typed(client):
    make_petition(disposable_addresses="refuse")
    answer = sign(client, city="Lyon")
    assert answer.status_code == 422
    assert "Addresses at yopmail.com are thrown away after use" in answer.text
    assert 'value="Lyon"' in answer.text
    assert f'value="{DISPOSABLE}"' in answer.text
    assert count_signatures() == 0
    assert client.post("/p/jardin/sign", data=make_form()).status_code == 303, "others sign as ever"


def test_the_answer_is_the_same_whoever_signed_before(client):
    petition = make_petition()
    make_signature(petition, email=DISPOSABLE)
    petition.disposable_addresses = "refuse"
    db.session.commit()
    known, unknown = (
        client.post("/p/jardin/sign?lang=en", data=make_form(email=address))
        for address in (DISPOSABLE, "eva@yopmail.com")
    )
    assert known.text.replace("zoe@", "eva@") == unknown.text
    assert known.status_code == unknown.status_code == 422


def test_the_api_refuses_them_too(client):
    make_petition(disposable_addresses="refuse")
    answer = client.post("/api/v1/petitions/jardin/signatures", json=make_form(email=DISPOSABLE))
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["email"]


def test_a_signature_cannot_move_to_one(app):
    signature = make_signature(make_petition(disposable_addresses="refuse"))
    with pytest.raises(ValidationError) as raised:
        parse_new_address(signature, DISPOSABLE)
    assert list(raised.value.errors) == ["email"]


def confirm(petition, address, minutes_ago=1, **values):
    at = clock.now() - timedelta(minutes=minutes_ago)
    return make_signature(petition, email=address, state="confirmed", confirmed_at=at, **values).id


def run_policy():
    """Return the ids that are to be set aside."""
    found = []
    set_aside(found.extend)
    return found


def test_what_is_confirmed_with_one_is_set_aside_once(app):
    petition = make_petition(disposable_addresses="quarantine")
    other = make_petition(slug="autre")
    first = confirm(petition, DISPOSABLE)
    confirm(petition, "zoe@example.org")
    confirm(other, DISPOSABLE)
    make_signature(petition, email="pending@yopmail.com")
    assert run_policy() == [first]
    assert run_policy() == [], "the team may have released it"
    latest = confirm(petition, "eva@sub.yopmail.com")
    petition.disposable_checked_at = None
    db.session.commit()
    assert sorted(run_policy()) == sorted([first, latest]), "those that were confirmed before the policy, too"


def test_they_are_read_in_batches_however_many_share_a_moment(app, monkeypatch):
    monkeypatch.setattr(disposable, "BATCH_SIZE", 3)
    petition = make_petition(disposable_addresses="quarantine")
    ids = {confirm(petition, f"a{n}@yopmail.com", minutes_ago=90 - n // 2) for n in range(11)}
    assert set(run_policy()) == ids


def test_what_was_confirmed_a_moment_ago_waits_for_others_to_commit(app):
    petition = make_petition(disposable_addresses="quarantine")
    confirm(petition, DISPOSABLE, minutes_ago=0)
    assert run_policy() == []
    petition = db.session.merge(petition)
    assert petition.disposable_checked_at < clock.now() - disposable.MAX_COMMIT_DELAY + timedelta(seconds=5)


def test_the_task_quarantines_them_and_the_count_falls(app):
    petition = make_petition(disposable_addresses="quarantine")
    first, second = confirm(petition, DISPOSABLE), confirm(petition, "zoe@example.org")
    for number in (first, second):
        increment(petition.id, number, "person", 1)
    tasks.set_aside_disposable()
    assert db.session.get(Signature, first, populate_existing=True).state == "quarantined"
    assert get_count(petition).confirmed == 1
