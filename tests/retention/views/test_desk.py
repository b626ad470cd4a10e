import re
from datetime import timedelta

import pytest
from support.factories import make_petition, make_signature, open_session, post_form, sign_in
from support.retention import Clock, announce_and_wait, anonymise_all, close_long_ago, today

from petition.core import clock
from petition.core.db import db
from petition.petitions.models import Petition
from petition.retention.models import PetitionRetention
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.staff.restriction import restrict
from petition.team.models import AuditEvent

PAGE = "/desk/petitions/jardin/data-kept"


@pytest.fixture
def petition(app):
    petition = make_petition()
    confirm_signature(make_signature(petition))
    db.session.commit()
    return petition


def text_of(response):
    return re.sub(r"\s+", " ", response.text.replace("\N{NO-BREAK SPACE}", " "))


def test_the_list_says_what_will_happen_to_each_petition(client, petition, monkeypatch):
    account = sign_in(client, "campaigner", language="en")
    assert "No date yet: 12 months after it closes." in text_of(client.get("/desk/data-kept?lang=en"))
    travel = Clock(monkeypatch)
    close_long_ago(petition, days=300)
    page = text_of(client.get("/desk/data-kept?lang=en"))
    assert re.search(r"On \d+ \w+ \d{4}, 1 signature will be anonymised\.", page)
    assert '<span class="badge">' not in page
    close_long_ago(petition)
    announce_and_wait(travel)
    open_session(client, account)
    page = client.get("/desk/data-kept?lang=en")
    assert "within minutes" in page.text
    assert '<span class="badge">1</span>' in page.text
    anonymise_all(travel)
    open_session(client, account)
    assert "Anonymised on" in client.get("/desk/data-kept?lang=en").text


def test_a_campaigner_records_the_handover_and_may_not_postpone(client, petition):
    sign_in(client, "campaigner")
    petition.state, petition.closed_at = "closed", clock.now()
    db.session.commit()
    page = client.get(f"{PAGE}?lang=en")
    assert 'name="on"' in page.text
    assert 'name="until"' not in page.text
    day = today().isoformat()
    assert post_form(client, f"{PAGE}/handed-over", on=day).status_code == 303
    assert db.session.query(Petition).one().handed_over_at is not None
    assert f'value="{day}"' in client.get(PAGE).text
    assert post_form(client, f"{PAGE}/postponed", until=day, reason="why").status_code == 403
    assert post_form(client, f"{PAGE}/handed-over", on="").status_code == 303
    assert db.session.query(Petition).one().handed_over_at is None


def test_an_administrator_postpones_it_with_a_reason(client, petition):
    sign_in(client, "admin")
    close_long_ago(petition, days=300)
    later = (clock.now() + timedelta(days=300)).date().isoformat()
    refused = post_form(client, f"{PAGE}/postponed?lang=en", until=later, reason="")
    assert refused.status_code == 422
    assert f'value="{later}"' in refused.text
    assert "Write a reason" in refused.text
    assert post_form(client, f"{PAGE}/postponed", until=later, reason="the answer is due").status_code == 303
    assert "Postponed to" in client.get(f"{PAGE}?lang=en").text
    assert "the answer is due" in client.get(PAGE).text
    [event] = db.session.query(AuditEvent).filter_by(action="petition.anonymisation_postponed")
    assert (event.actor, event.after["until"]) == ("admin@example.org", later)


@pytest.mark.parametrize("day", ["soon", "2026-02-30", "0001-01-01", "99999-01-01", "2026-01-01\0"])
def test_a_day_that_is_none_is_refused_with_what_was_typed(client, petition, day):
    sign_in(client, "admin")
    close_long_ago(petition, days=300)
    for path, field in (("handed-over", "on"), ("postponed", "until")):
        response = post_form(client, f"{PAGE}/{path}", **{field: day, "reason": "a reason"})
        assert response.status_code == 422
        assert "is-invalid" in response.text


def test_once_begun_nothing_can_be_changed(client, petition, monkeypatch):
    close_long_ago(petition)
    anonymise_all(Clock(monkeypatch))
    sign_in(client, "admin")
    assert db.session.query(PetitionRetention).one().finished_at
    page = client.get(PAGE)
    assert 'name="until"' not in page.text
    assert 'name="on"' not in page.text
    assert post_form(client, f"{PAGE}/handed-over", on="").status_code == 409


def test_what_does_not_exist_is_not_found(client):
    sign_in(client, "admin")
    assert client.get("/desk/petitions/nothing/data-kept").status_code == 404
    assert post_form(client, "/desk/petitions/nothing/data-kept/handed-over", on="").status_code == 404


def test_the_desk_shows_what_is_left_of_a_signature(client, petition, monkeypatch):
    close_long_ago(petition)
    anonymise_all(Clock(monkeypatch))
    sign_in(client, "admin")
    page = client.get("/desk/signatures/1?lang=en")
    assert page.status_code == 200
    assert "Anonymised on" in page.text
    assert "/desk/signatures/1/invalidate" not in page.text
    assert client.get("/desk/petitions/jardin/paper").status_code == 200
    assert client.get("/desk/petitions/jardin/organisations").status_code == 200
    assert client.get("/p/jardin").status_code == 200


def test_what_is_kept_back_is_said_and_linked(client, petition, monkeypatch):
    account = sign_in(client, "campaigner", language="en")
    restrict(db.session.query(Signature).one())
    travel = Clock(monkeypatch)
    close_long_ago(petition, days=300)
    for path in ("/desk/data-kept?lang=en", f"{PAGE}?lang=en"):
        assert "1 signature stays as it is until the restriction of its use is lifted" in text_of(client.get(path))
    assert "/desk/signatures/1" in client.get(PAGE).text
    close_long_ago(petition)
    anonymise_all(travel)
    open_session(client, account)
    assert "1 signature stays as it is" in text_of(client.get(f"{PAGE}?lang=en"))
    assert "Anonymised, but for what is restricted" in client.get("/desk/?lang=en").text
