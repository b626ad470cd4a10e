"""The desk's pages of requests: recorded, shown, exported and answered."""

import pytest
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.privacy.models import PersonRequest
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.team.models import AuditEvent

ADDRESS = "zoe@example.org"


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner")


@pytest.fixture
def signature(campaigner):
    signature = make_signature(make_petition(), updates=True, listed=True, profession="Juge")
    confirm_signature(signature)
    db.session.commit()
    return signature


def record(client, kind="erase", **fields):
    form = {"email": ADDRESS, "channel": "letter", "received_on": clock.now().date().isoformat(), **fields}
    return post_form(client, "/desk/requests/", kind=kind, **form)


def test_a_request_is_recorded_shown_and_performed(client, signature):
    page = client.get("/desk/requests/?lang=en").text
    assert "No request is open." in page
    url = record(client).headers["Location"]
    page = client.get(f"{url}?lang=en").text
    for words in (ADDRESS, "Zoé Martin", "Erasure: 1 signature", "This cannot be undone", "GDPR, article 17", "jardin"):
        assert words in page, words
    assert ADDRESS not in url
    assert ADDRESS in client.get("/desk/requests/?lang=en").text
    assert post_form(client, f"{url}/perform").status_code == 303
    assert db.session.query(Signature).count() == 0
    page = client.get(f"{url}?lang=en").text
    assert "signatures erased: 1" in page
    assert ADDRESS not in page
    assert ADDRESS not in client.get("/desk/requests/").text
    events = db.session.query(AuditEvent).filter_by(subject="person_request").order_by(AuditEvent.id)
    actions = [event.action for event in events]
    assert actions == ["request.recorded", "request.viewed", "request.done"]


def test_nothing_typed_is_lost_where_a_field_is_wrong(client, campaigner):
    answer = record(client, email="zoe@", channel="phone")
    assert answer.status_code == 422
    assert 'value="zoe@"' in answer.text
    assert '<option value="phone" selected>' in answer.text
    assert record(client, received_on="yesterday").status_code == 422
    assert db.session.query(PersonRequest).count() == 0


def test_all_that_is_held_is_downloaded_to_read_and_as_json(client, signature):
    url = record(client, "access").headers["Location"]
    answer = client.get(f"{url}/data.json")
    assert answer.json["signatures"][0]["profession"] == "Juge"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=request-{url.rpartition('/')[2]}.json"
    assert answer.headers["Cache-Control"] == "no-store"
    page = client.get(f"{url}/data.html?lang=en").text
    for words in ("All that is stored about you", "Juge", "Zoé Martin", "jardin", "nouvelles de cette campagne"):
        assert words in page, words
    assert client.get(f"{url}/data.csv").status_code == 404
    post_form(client, f"{url}/perform")
    assert client.get(f"{url}/data.json").status_code == 409, "closed: the address is gone"


def test_a_refusal_needs_a_reason_and_keeps_what_was_typed(client, signature):
    url = record(client).headers["Location"]
    assert post_form(client, f"{url}/refuse", reason="").status_code == 422
    answer = post_form(client, f"{url}/refuse", reason="zoe@example.org did not ask")
    assert answer.status_code == 422
    assert "zoe@example.org did not ask" in answer.text
    assert post_form(client, f"{url}/extend", reason="it is complex").status_code == 303
    assert post_form(client, f"{url}/extend", reason="it is complex").status_code == 409
    assert post_form(client, f"{url}/refuse", reason="it was not them").status_code == 303
    assert post_form(client, f"{url}/perform").status_code == 409
    assert db.session.query(Signature).count() == 1


@pytest.mark.parametrize("kind", ["access", "rectify", "stop_updates", "restrict", "object", "erase"])
def test_every_kind_says_what_it_does_in_every_language(client, signature, kind):
    url = record(client, kind).headers["Location"]
    for language in LANGUAGES:
        assert client.get(f"{url}?lang={language}").status_code == 200
    assert post_form(client, f"{url}/perform").status_code == 303
    assert client.get(url).status_code == 200


def test_a_request_that_does_not_exist(client, campaigner):
    for path in ("/desk/requests/1", "/desk/requests/9223372036854775808", "/desk/requests/1/data.json"):
        assert client.get(path).status_code == 404


def test_a_late_request_is_marked(client, campaigner):
    record(client, received_on=(clock.now().date().replace(day=1)).isoformat())
    db.session.execute(db.text("UPDATE person_requests SET due_on = current_date - 1"))
    db.session.commit()
    assert ">late<" in client.get("/desk/requests/?lang=en").text
