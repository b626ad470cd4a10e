"""Readers report names of the public list: one line with a count on the team's list, the same answer for everybody."""

import re

import pytest
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core.db import db
from petition.signatures.confirm import confirm_signature
from petition.signatures.listing.public_list import list_signatories
from petition.signatures.models import Signature
from petition.signatures.review import queue
from petition.signatures.review.models import NameReport


@pytest.fixture
def signature(app):
    signature = make_signature(make_petition(), listed=True, profession="Avocate")
    confirm_signature(signature)
    db.session.commit()
    return signature


def send(client, number, reason="offensive", network=1):
    headers = {"X-Forwarded-For": f"203.0.{network}.1"}
    return client.post(f"/p/jardin/signatories/{number}/report", data={"reason": reason}, headers=headers)


def test_the_list_leads_to_the_report_without_a_script(client, signature):
    page = client.get("/p/jardin/signatories?lang=en").text
    assert "/report" not in page
    path = re.search(r'href="([^"]*report=1[^"]*)"', page)[1].replace("&amp;", "&")
    path = re.search(r'href="([^"]*/report[^"]*)"', client.get(path).text)[1].replace("&amp;", "&")
    ask = client.get(path).text
    assert "Zoé Martin" in ask
    assert ask.count('type="radio"') == 3
    answer = client.post(path, data={"reason": "impersonation"})
    assert answer.status_code == 303
    assert "The team will look at this name" in client.get(answer.location).text
    assert "Set-Cookie" not in answer.headers


def test_reports_are_counted_in_one_line_and_the_name_stays(client, signature):
    number = signature.confirmed_no
    for network, reason in enumerate(["offensive", "offensive", "advertising"]):
        send(client, number, reason, network)
    db.session.rollback()
    (name,) = queue.list_names().items
    assert name.reports == {"offensive": 2, "advertising": 1}
    assert [row.name for row in list_signatories(name.signature.petition).items] == ["Zoé Martin"]


@pytest.mark.parametrize("review", [None, "waiting"])
def test_the_answer_is_the_same_whether_the_name_is_listed(client, signature, review):
    number = signature.confirmed_no
    signature.review = review
    db.session.commit()
    answers = [send(client, n, network=k) for k, n in enumerate((number, number, number + 1, 2**62, 10**30))]
    assert len({(answer.status_code, answer.data, answer.location) for answer in answers}) == 1
    db.session.rollback()
    assert db.session.query(NameReport).count() == (0 if review else 1)


def test_a_report_without_a_reason_asks_for_it(client, signature):
    for reason in ("", "x", "offensive' OR 1=1"):
        answer = send(client, signature.confirmed_no, reason)
        assert answer.status_code == 422
        assert "Zoé Martin" in answer.text
    assert send(client, 10**9, "x").status_code == 404
    assert db.session.query(NameReport).count() == 0


def test_one_network_cannot_flood_the_list(client, signature):
    statuses = [send(client, signature.confirmed_no).status_code for _ in range(25)]
    assert statuses.count(303) == 20
    assert statuses[-1] == 429


def test_a_decision_ends_the_reports_and_a_later_one_begins_anew(client, signature):
    sign_in(client, "campaigner")
    for network in (1, 2):
        send(client, signature.confirmed_no, "offensive", network)
    page = client.get("/desk/names/?lang=en").text
    assert "2 reports" in page
    line = re.search(r'name="one" value="(show:[^"]+)"', page)[1]
    post_form(client, "/desk/names/decide", one=line)
    db.session.rollback()
    assert queue.list_names().items == []
    assert db.session.get(Signature, signature.id).review == "approved"
    send(client, signature.confirmed_no, "advertising", 3)
    db.session.rollback()
    assert queue.list_names().items[0].reports == {"advertising": 1}


def test_undoing_a_decision_about_a_reported_name_shows_it_again(client, signature):
    sign_in(client, "campaigner")
    send(client, signature.confirmed_no)
    line = re.search(r'name="one" value="(hide:[^"]+)"', client.get("/desk/names/").text)[1]
    post_form(client, "/desk/names/decide", one=line)
    assert client.get("/api/v1/petitions/jardin/signatories").json["items"] == []
    post_form(client, re.search(r'action="(/desk/names/decided/\d+/undo)"', client.get("/desk/names/decided").text)[1])
    assert len(client.get("/api/v1/petitions/jardin/signatories").json["items"]) == 1
    db.session.rollback()
    assert queue.list_names().items[0].reports == {"offensive": 1}


def test_erasing_a_signature_erases_its_reports(client, signature):
    send(client, signature.confirmed_no)
    db.session.rollback()
    db.session.delete(db.session.get(Signature, signature.id))
    db.session.commit()
    assert db.session.query(NameReport).count() == 0
