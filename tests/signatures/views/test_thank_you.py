"""After confirming: pass it on, with what came of each channel counted, and nobody followed."""

import re

import pytest
from support.factories import confirm_by_link, make_form, make_petition, sign_in

from petition.core.db import db
from petition.petitions.statistics.campaign import get_statistics
from petition.petitions.views import public
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature


def sign_through(client, channel, email, path="/p/jardin"):
    """Follow a link that was passed on, and submit the form that it shows."""
    page = client.get(f"{path}?via={channel}").text
    carried = re.search(r'name="via" value="([^"]*)"', page)
    fields = make_form(email=email) | ({"via": carried[1]} if carried else {})
    return client.post("/p/jardin/sign", data=fields)


def test_what_came_of_each_channel_is_counted_and_shown_at_the_desk(client):
    petition = make_petition()
    for number, channel in enumerate(("whatsapp", "whatsapp", "email", "nonsense", "")):
        assert sign_through(client, channel, f"signer{number}@example.org").status_code == 303
    for signature in db.session.query(Signature).order_by(Signature.id).all():
        confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
    assert dict(get_statistics(petition).breakdowns["source"].rows) == {
        "share:whatsapp": 2, "share:email": 1, "page": 2
    }  # fmt: skip
    sign_in(client, "campaigner")
    assert "passed on: WhatsApp" in client.get("/desk/petitions/jardin/campaign?lang=en").text


def test_an_error_keeps_the_channel(client):
    make_petition()
    page = client.post("/p/jardin/sign", data=make_form(email="nobody", via="bluesky")).text
    assert 'name="via" value="bluesky"' in page


def test_channels_do_not_fill_the_cache(client, monkeypatch):
    make_petition()
    keys = set()

    def record(key, create, *_):
        keys.add(key)
        return create()

    monkeypatch.setattr(public, "get_or_create", record)
    for value in [f"x{n}" for n in range(9)] + ["email", "email.", "email&x=1"]:
        client.get(f"/p/jardin?lang=en&via={value}")
    assert len(keys) == 2
    assert 'href="/p/jardin?lang=fr&amp;via=email"' in client.get("/p/jardin?lang=en&via=email").text


def test_a_pasted_address_keeps_its_channel(client):
    make_petition()
    assert client.get("/p/jardin/?via=signal&x=1").headers["Location"] == "/p/jardin?via=signal"
    assert client.get("/p/jardin.?lang=en").headers["Location"] == "/p/jardin?lang=en"


def test_the_page_invites_without_scripts_cookies_or_code_of_others(client):
    make_petition()
    answer = client.get("/p/jardin/thank-you?lang=en")
    page = answer.text
    for name in ("By email", "WhatsApp", "Telegram", "Mastodon", "Bluesky", "Facebook", "Signal"):
        assert name in page
    assert page.count("via=signal") >= 1
    assert len(re.findall(r"<script", page)) == 1
    assert not re.search(r"<(img|iframe|script|link)[^>]+(src|href)=.https?://(?!localhost)", page)
    assert "Set-Cookie" not in answer.headers
    assert len(answer.data) < 20_000
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    for button in re.findall(r"<button[^>]*>", page):
        assert " hidden" in button, "what needs a script is hidden without one"


def test_a_closed_petition_is_not_passed_on(client):
    make_petition(state="closed")
    page = client.get("/p/jardin/thank-you?lang=en").text
    assert "WhatsApp" not in page
    assert "<script" not in page


@pytest.mark.parametrize("language", ["fr", "en"])
def test_words_are_those_of_the_reader_s_language(client, language):
    petition = make_petition()
    petition.texts["en"].share_text = "Sign with me"
    petition.texts["fr"].share_text = "Signez avec moi"
    db.session.commit()
    page = client.get(f"/p/jardin/thank-you?lang={language}").text
    assert f'data-text="{petition.texts[language].share_text}"' in page
