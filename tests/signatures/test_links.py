"""Links that no longer work: each says the true reason, in the signer's language."""

import re
from datetime import timedelta

import pytest
from support.factories import confirm_by_link, make_form, make_petition, make_signature
from support.signing import process_requests

from petition.core import clock, tokens
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.signatures.confirm import disown
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.personal.self_service import erase, withdraw
from petition.signatures.staff import invalidate as invalidation


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture
def signature(petition):
    return make_signature(petition)


@pytest.fixture
def two_weeks_later(monkeypatch):
    """Return a function after which every link is too old."""

    def pass_time():
        later = clock.now() + timedelta(days=15)
        monkeypatch.setattr(tokens, "datetime", type("Later", (), {"now": staticmethod(lambda tz: later)}))

    return pass_time


def heading(answer):
    return re.search(r"<h1>(.*?)</h1>", answer.text)[1]


def test_a_link_of_an_unconfirmed_signature_expires_and_offers_another(client, signature, two_weeks_later):
    link = f"/c/{make_confirm_token(signature)}"
    two_weeks_later()
    answer = client.get(f"{link}?lang=en")
    assert (answer.status_code, heading(answer)) == (410, "This link has expired")
    assert f'action="{link}/resend' in answer.text
    assert "expired" in client.post("/api/v1/confirmations?lang=en", json={"token": link[3:]}).json["detail"]


def test_an_old_link_of_a_confirmed_signature_says_so_in_the_present(client, signature, two_weeks_later):
    link = f"/c/{make_confirm_token(signature)}"
    confirm_by_link(client, link)
    page = client.get(f"{link}?lang=en")
    assert (page.status_code, heading(page)) == (200, "Your signature is confirmed")
    assert "will" not in re.search(r'<ul class="plain">.*?</ul>', page.text, re.DOTALL)[0]
    two_weeks_later()
    answer = client.get(f"{link}?lang=en")
    assert (answer.status_code, heading(answer)) == (410, "Your signature is confirmed")
    assert "It was confirmed on" in answer.text
    assert "Send me the link to my personal page" in answer.text


def test_a_replaced_link_says_that_a_newer_one_was_sent(client, signature):
    link = f"/c/{make_confirm_token(signature)}"
    db.session.query(Delivery).update({"state": "sent", "created_at": clock.now() - timedelta(minutes=5)})
    db.session.commit()
    client.post("/p/jardin/sign", data=make_form(name="Zoé Martin-Dupont"))
    process_requests()
    answer = client.get(f"{link}?lang=en")
    assert (answer.status_code, heading(answer)) == (410, "A newer link was sent to you")


def test_a_link_of_an_erased_signature_says_so_as_long_as_that_is_sure(client, signature, two_weeks_later):
    links = [f"/c/{make_confirm_token(signature)}", f"/me/{make_personal_token(signature)}"]
    erase(signature)
    db.session.commit()
    for link in links:
        assert heading(client.get(f"{link}?lang=en")) == "This signature is erased"
    two_weeks_later()
    assert heading(client.get(f"{links[0]}?lang=en")) == "Nothing is kept behind this link"
    assert heading(client.get(f"{links[1]}?lang=en")) == "This signature is erased"


@pytest.mark.parametrize(
    ("end", "title"),
    [(withdraw, "This signature is withdrawn"), (invalidation.invalidate, "This signature does not count")],
)
def test_a_link_of_an_ended_signature_says_how_it_ended(client, petition, end, title):
    signature = make_signature(petition, state="confirmed")
    link = f"/c/{make_confirm_token(signature)}"
    end(signature)
    db.session.commit()
    for answer in (client.get(f"{link}?lang=en"), client.post(f"{link}?lang=en", data={"seen": "x"})):
        assert (answer.status_code, heading(answer)) == (410, title)


def test_a_personal_link_of_a_disowned_signature_says_so_and_shows_nothing_of_it(client, petition):
    signature = make_signature(petition, state="confirmed", locale="en")
    link = f"/me/{make_personal_token(signature)}"
    disown(signature)
    db.session.commit()
    answer = client.get(link, headers={"Accept-Language": "fr"})
    assert (answer.status_code, heading(answer)) == (410, "This signature was disowned")
    assert "Zoé" not in answer.text


def test_links_answer_in_the_signature_s_language_unless_the_url_names_another(client, petition):
    signature = make_signature(petition, locale="en", email="ann@example.org")
    confirm_link, personal_link = f"/c/{make_confirm_token(signature)}", f"/me/{make_personal_token(signature)}"
    french = {"headers": {"Accept-Language": "fr"}}
    for link in (confirm_link, personal_link):
        assert '<html lang="en"' in client.get(link, **french).text
        assert '<html lang="fr"' in client.get(f"{link}?lang=fr", **french).text
    assert "Once your name" not in confirm_by_link(client, confirm_link, **french).text
    answer = client.post(f"{personal_link}/updates", data={"updates": "on"}, **french)
    assert answer.headers["Location"].endswith("?notice=updates_on")
    assert '<html lang="en"' in client.get(answer.headers["Location"], **french).text


def test_the_button_of_the_page_leads_to_an_address_without_a_token(client, signature):
    link = f"/c/{make_confirm_token(signature)}"
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', client.get(f"{link}?lang=fr").text))
    answer = client.post(link, data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/p/jardin/thank-you?lang=fr")
    page = client.get(answer.headers["Location"]).text
    assert "Merci, votre signature" in page
    assert "/me/" not in page
    # Pressed again, it is the page of somebody who signed.
    again = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', client.get(link).text))
    assert client.post(link, data=again).headers["Location"].startswith("/me/")


@pytest.mark.parametrize("slug", ["//evil.example", "a/../b", "", "JARDIN"])
def test_a_made_up_petition_leads_to_the_personal_page(client, signature, slug):
    link = f"/c/{make_confirm_token(signature)}"
    seen = re.search(r'name="seen" value="(\w+)"', client.get(link).text)[1]
    assert client.post(link, data={"seen": seen, "thanks": slug}).headers["Location"].startswith("/me/")
