"""Machines that press the buttons of a confirmation page."""

import re

import pytest
from support.factories import make_form, make_petition
from support.signing import process_requests

from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.petitions.statistics.campaign import get_statistics
from petition.signatures.abuse import presses
from petition.signatures.abuse.presses import AGAIN, SHOWN, is_read, make_stamp
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature

SIGNER, SCANNER, PHONE = ({"X-Forwarded-For": f"203.0.{number}.7"} for number in (10, 20, 30))
FORM = re.compile(r'<form method="post" action="([^"]+)".*?</form>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
LINKS = 60


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch):
    """Have pages pressed in the moment they are shown: on a busy machine somebody could have read them."""
    read(monkeypatch, seconds=0)


def sign(client, number=0):
    """Sign from the signer's network, have the email sent, and return the path of its link."""
    email = f"signer.{number}@example.org"
    client.post(
        "/p/jardin/sign",
        data=make_form(email=email),
        headers={"X-Forwarded-For": f"203.{number}.10.7"} if number else SIGNER,
    )
    process_requests()
    run_queue("confirmations")
    db.session.rollback()
    return f"/c/{make_confirm_token(db.session.query(Signature).filter_by(email=email).one())}"


def list_forms(page):
    """Return the forms of a page: path and fields of each."""
    return [(form[1], dict(FIELD.findall(form[0]))) for form in FORM.finditer(page.text)]


def press(client, page, headers, number=0):
    path, fields = list_forms(page)[number]
    return client.post(path, data=fields, headers=headers)


def read(monkeypatch, seconds=2.0):
    """Let time pass for whoever reads a page."""
    now = presses._now()
    monkeypatch.setattr(presses, "_now", lambda: now + int(seconds * 1000))


def states():
    db.session.rollback()
    return {row.state for row in db.session.query(Signature)}


@pytest.mark.slow
def test_a_scanner_that_presses_every_button_counts_and_disowns_nothing(client, petition, sent_emails):
    """And the person who reads afterwards presses once, or once more where they do not read."""
    links = [sign(client, number) for number in range(LINKS)]
    for link in links:
        page = client.get(link, headers=SCANNER)
        forms = list_forms(page)
        assert {path.rpartition("/")[2] for path, _fields in forms} == {link.rpartition("/")[2], "disown"}
        for number in range(len(forms)):
            assert press(client, page, SCANNER, number).status_code == 200
    assert states() == {"pending"}
    assert get_count(petition).confirmed == 0
    assert get_statistics(petition).held == LINKS
    for number, link in enumerate(links):
        headers = {"X-Forwarded-For": f"203.{number}.10.7"} if number % 2 else PHONE
        answer = press(client, client.get(link, headers=headers), headers)
        if not number % 2:
            assert answer.status_code == 200
            answer = press(client, answer, headers)
        assert answer.status_code == 303
    assert states() == {"confirmed"}
    assert get_count(petition).confirmed == LINKS
    assert get_statistics(petition).held == LINKS


def test_the_page_says_what_is_left_to_do_on_a_form_that_differs(client, petition):
    link = sign(client)
    page = client.get(f"{link}?lang=en", headers=PHONE)
    again = client.post(f"{link}?lang=en", data=list_forms(page)[0][1], headers=PHONE)
    assert "Please press once more" in again.text
    assert 'role="alert"' in again.text
    assert "Yes, I confirm this signature" in again.text
    assert list_forms(again)[0][1] != list_forms(page)[0][1]
    assert client.post(link, data=list_forms(again)[0][1], headers=PHONE).status_code == 303


def test_whoever_reads_the_page_presses_once_from_any_network(client, petition, monkeypatch):
    page = client.get(sign(client), headers=PHONE)
    read(monkeypatch)
    assert press(client, page, PHONE).status_code == 303


@pytest.mark.parametrize("stamp", [None, "", "x", "1.x", "9" * 90, "é.é", "1700000000000." + "0" * 32, "½.1"])
def test_a_stamp_that_is_not_ours_proves_nothing(client, petition, stamp):
    link = sign(client)
    fields = list_forms(client.get(link, headers=PHONE))[0][1]
    fields.pop("stamp")
    answer = client.post(link, data=fields if stamp is None else {**fields, "stamp": stamp}, headers=PHONE)
    assert answer.status_code == 200
    assert states() == {"pending"}


def test_a_stamp_is_for_one_signature_and_outlives_a_key_rotation(app, monkeypatch):
    with app.app_context():
        again, shown = make_stamp(AGAIN, 1), make_stamp(SHOWN, 1)
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
        monkeypatch.setitem(app.config, "SECRET_KEY", "n" * 40)
        assert (is_read(again, 1), is_read(again, 2), is_read(shown, 1)) == (True, False, False)
        read(monkeypatch)
        assert (is_read(shown, 1), is_read(shown, 2)) == (True, False)


def test_a_confirmation_notes_whether_it_came_from_the_signers_network(client, petition, monkeypatch, sent_emails):
    for number, headers in enumerate((SIGNER, PHONE)):
        link = sign(client) if not number else sign(client, 1)
        page = client.get(link, headers=headers)
        read(monkeypatch)
        assert press(client, page, headers).status_code == 303
    db.session.rollback()
    rows = db.session.query(Signature).order_by(Signature.id).all()
    assert [row.confirmed_same_network for row in rows] == [True, False]


def test_so_does_one_in_the_days_after_the_petition_closed(client, petition, sent_emails):
    link = sign(client)
    lifecycle.close(petition)
    db.session.commit()
    page = client.get(link, headers=PHONE)
    again = press(client, page, PHONE)
    assert again.status_code == 200
    assert states() == {"pending"}
    assert press(client, again, PHONE).status_code == 303
    db.session.rollback()
    row = db.session.query(Signature).one()
    assert row.confirmed_same_network is False


def test_the_api_has_no_button_and_confirms_by_the_token_alone(client, petition, sent_emails):
    link = sign(client)
    answer = client.post("/api/v1/confirmations", json={"token": link.removeprefix("/c/")}, headers=SCANNER)
    assert answer.status_code == 200
    db.session.rollback()
    assert db.session.query(Signature).one().confirmed_same_network is False
